import assert from "node:assert";
import { expect, test, vi } from "vitest";
import { add, Box, call, check, each, greet, items, later, Own } from "../src/index.ts";

test("adds", () => {
  expect(add(2, 3)).toBe(5);
  expect(add(10, 20)).toEqual(30);
});
test("adds_in_node", () => {
  assert.equal(add(2, 3), 5);
  assert.equal(add(20, 30), 50);
  expect(Math.abs(add(2, 3) - 5)).toBeLessThan(1e-9);
});
test("doubles", () => {
  expect(new Box(2).double()).toEqual(new Box(4));
  expect(new Box(2).double().v).toBe(4);
});
test("doubles_in_node", () => {
  assert.deepStrictEqual(new Box(2).double(), new Box(4));
  assert.equal(new Box(3).double().v, 6);
});
test("has", () => {
  expect(new Box(2)).toMatchObject({ v: 2, w: 7 });
  expect("w" in new Box(3)).toBe(true);
});
test("lists", () => {
  expect(items(3)).toEqual([0, 1, 2]);
  expect(items(3)).toContain(2);
});
test("refuses", () => {
  expect(() => check(-1)).toThrow(RangeError);
  assert.throws(() => check(-1), { name: "RangeError", message: "negative" });
  check(1);
});
test("refuses_with_its_own", () => {
  expect(() => check(-2)).toThrow(Own);
});
test("awaits", async () => {
  await expect(later(4)).resolves.toBe(8);
  await expect(later(-1)).rejects.toThrow("negative");
});
test("calls", () => {
  const seen = vi.fn();
  call(seen);
  expect(seen).toHaveBeenCalledWith(4);
  expect(seen).toHaveBeenCalledTimes(1);
});
test("calls_what_asserts", () => {
  call((x: number) => {
    expect(x).toBe(4);
  });
  expect(call((x: number) => x + 1)).toBe(5);
});
test("greets", () => {
  expect(greet("bob").startsWith("hello")).toBe(true);
  expect(greet("bob")).toMatch(/^hello bob$/);
});
test("iterates", () => {
  expect([...each(3)]).toEqual([0, 1, 2]);
});
test("greets_by_name", () => {
  expect(greet("bob").includes("bob")).toBe(true);
});
