import { test, describe, it, beforeEach, mock, suite } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
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
  group,
  map,
  MAX,
} from "adder";
let n = 0;
beforeEach(() => {
  n += 1;
});
test("adds", () => {
  assert.equal(add(2, 3), 5);
  assert.strictEqual(n, 1);
});
test("box", () => {
  assert.deepEqual(new Box(2).double(), new Box(4));
  assert.deepStrictEqual(new Box(2).double(), new Box(4));
  assert.notDeepStrictEqual(new Box(2), { v: 2 });
  assert.ok(new Box(1) instanceof Box);
});
test("items", () => {
  assert.deepStrictEqual(items(3), [0, 1, 2]);
});
test("check", () => {
  assert.throws(() => check(-1), RangeError);
  assert.throws(() => check(-1), { name: "RangeError", message: "negative" });
  assert.throws(() => check(-1), /neg/);
  assert.doesNotThrow(() => check(1));
});
test("later", async () => {
  assert.equal(await later(4), 8);
  await assert.rejects(later(-1), /negative/);
  await assert.rejects(() => later(-1), RangeError);
});
test("own", () => {
  assert.throws(fail, OwnError);
  assert.throws(fail, { code: "E1" });
});
test("cb", (t, done) => {
  setTimeout(() => {
    assert.equal(add(1, 1), 2);
    done();
  }, 5);
});
test("sub", async (t) => {
  await t.test("inner", () => {
    assert.equal(MAX, 7);
  });
  const f = t.mock.fn((x: number) => x * 2);
  assert.deepEqual(map([1], f), [2]);
  assert.equal(f.mock.calls.length, 1);
});
describe("group", { timeout: 1000 }, () => {
  it("maps", () => {
    assert.deepEqual(group(["a"]), new Map([["a", ["a"]]]));
  });
});
test("file", () => {
  assert.ok(readFileSync(import.meta.filename, "utf8").includes("node:test"));
});
