import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { expect, test } from "vitest";
import { args, connects, descriptors, files, programs, variables } from "adder";

const SECRET = "tests that the candidate must not see";

test("files", () => {
  expect(SECRET.length).toBeGreaterThan(0);
  const found = files();
  expect(found.some((file) => file.endsWith("src/index.ts"))).toBe(true);
  expect(found.filter((file) => /\.test\.|regen_runner|node_modules.expect/.test(file))).toEqual([]);
});

test("descriptors", () => {
  const all = descriptors();
  const pipes = Object.keys(all).filter((at) => all[at] === "pipe");
  expect(pipes).toEqual(expect.arrayContaining(["3", "4"]));
  expect(Object.keys(all).filter((at) => Number(at) > 4 && all[at] !== "pipe")).toEqual([]);
  expect(Object.values(all)).not.toContain("socket");
});

test("programs", () => {
  const all = programs().join("\n");
  expect(all).toContain("regen_stage");
  expect(all).not.toContain("regen_runner");
  expect(all).not.toContain("regen run");
  expect(args()).toEqual([]);
});

test("variables", () => {
  expect(variables().filter((name) => /REGEN|KEY|TOKEN|SECRET|CARGO/.test(name))).toEqual([]);
});

test("network", async () => {
  for (const host of ["127.0.0.1", "1.1.1.1"]) {
    expect(await connects(host, 80)).not.toBe("connected");
  }
});

test("tests_start_programs_without_the_wires", () => {
  const listed = execFileSync("/bin/ls", ["-l", "/proc/self/fd"], { encoding: "utf8" });
  const ends = listed.split("\n").filter((line) => /^\S.* ([345]) -> pipe/.test(line));
  expect(ends).toEqual([]);
  expect(fs.existsSync("src")).toBe(false);
});
