import { describe, it, test, expect, vi, beforeEach, afterEach } from "vitest";
import * as all from "adder";
import {
  add,
  Box,
  items,
  check,
  later,
  OwnError,
  fail,
  counter,
  gen,
  agen,
  group,
  debounce,
  map,
  sort,
  MAX,
  viaCb,
  odd,
  run,
  say,
  Opt,
} from "../src/index";
let n: number = 0;
beforeEach(() => {
  n = 5;
});
test("adds", () => {
  expect(add(2, 3)).toBe(n);
  expect(all.add(10, 20)).toBe(30);
});
describe("Box", () => {
  it("doubles", () => {
    expect(new Box(2).double()).toEqual(new Box(4));
    expect(new Box(2).double()).not.toEqual(new Box(5));
    expect(new Box(2).double().v).toBe(4);
    expect(new Box(4)).toEqual({ v: 4 });
    expect(new Box(4)).toStrictEqual(new Box(4));
    expect(new Box(4)).not.toStrictEqual({ v: 4 });
    expect(Box.of(3)).toBeInstanceOf(Box);
    expect(new Box(4).half).toBe(2);
    expect(new Box(1).equals(new Box(1))).toBe(true);
    expect(new Box(3)).toMatchObject({ v: 3 });
    expect(new Box(3)).toHaveProperty("v", 3);
  });
});
test("items", () => {
  expect(items(3)).toEqual([0, 1, 2]);
  expect(items(3)).toHaveLength(3);
  expect(items(3)).toContain(2);
});
test("check", () => {
  expect(() => check(-1)).toThrow(RangeError);
  expect(() => check(-1)).toThrow("negative");
  check(1);
});
test("later", async () => {
  expect(await later(4)).toBe(8);
  await expect(later(-1)).rejects.toThrow("negative");
  await expect(later(1)).resolves.toBe(2);
});
test("own error", () => {
  expect(fail).toThrow(OwnError);
  try {
    fail();
  } catch (e) {
    expect(e).toBeInstanceOf(Error);
    expect(e).toMatchObject({ code: "E1", name: "OwnError", message: "bad" });
    expect((e as OwnError).describe()).toBe("E1: bad");
  }
});
test("closure", () => {
  const c = counter();
  c.up();
  c.up();
  expect(c.n).toBe(2);
  expect(c).toHaveProperty("n", 2);
});
test("generators", async () => {
  expect([...gen(3)]).toEqual([0, 1, 2]);
  const got = [];
  for await (const x of agen(2)) got.push(x);
  expect(got).toEqual([0, 1]);
});
test("map result", () => {
  expect(group(["a", "ab", "b"])).toEqual(
    new Map([
      ["a", ["a", "ab"]],
      ["b", ["b"]],
    ]),
  );
});
test("debounce", async () => {
  const f = vi.fn();
  const d = debounce(f, 20);
  d();
  d();
  expect(f).not.toHaveBeenCalled();
  await new Promise((r) => setTimeout(r, 60));
  expect(f).toHaveBeenCalledTimes(1);
});
test("callback", () => {
  const f = vi.fn((x: number) => x + 1);
  expect(map([1, 2], f)).toEqual([2, 3]);
  expect(f).toHaveBeenCalledWith(2);
});
test("sorts", () => {
  const xs = [3, 1, 2];
  sort(xs);
  expect(xs).toEqual([1, 2, 3]);
});
test("max", () => {
  expect(MAX).toBe(7);
});
test("async callback", async () => {
  expect(
    await viaCb(async (n) => {
      await new Promise((r) => setTimeout(r, 5));
      return n;
    }),
  ).toBe(4);
});
test("values", () => {
  expect(odd()).toEqual([
    undefined,
    null,
    NaN,
    -0,
    Infinity,
    10n,
    new Date(5),
    /a+/gi,
    new Uint8Array([1, 2]),
    new Set([1]),
    { a: { b: [1] } },
  ]);
});
test("injects", () => {
  const log = vi.fn();
  expect(run({ now: () => 9, log })).toBe(9);
  expect(log).toHaveBeenCalledWith("at 9");
});
test("says", () => {
  const s = vi.spyOn(console, "log").mockImplementation(() => {});
  say("x");
  expect(s).toHaveBeenCalledWith("x", 1);
  s.mockRestore();
});
test.each([
  [1, 2, 3],
  [2, 2, 4],
])("adds %i", (a, b, c) => {
  expect(add(a, b)).toBe(c);
});
test.each`
  a    | b\n
  ${1} | ${2}
`("table", ({ a, b }) => {
  expect(add(a, 1)).toBe(b);
});
