import { describe, expect, it, test, vi, beforeAll, afterEach } from "vitest";
import twice, {
  Animal,
  Dog,
  Stack,
  Money,
  Counter,
  curry,
  identity,
  memo,
  NotFound,
  Deep,
  find,
  many,
  raw,
  tree,
  loop,
  all,
  retry,
  big,
  Emitter,
  use,
  sym,
  getSym,
  bare,
  mutate,
  bytes,
  sleep,
  stream,
  sorted,
  opt,
} from "../src";
let ready = 0;
beforeAll(async () => {
  await sleep(1);
  ready = 1;
});
afterEach(() => {
  vi.restoreAllMocks();
});
test("default", () => {
  expect(twice(4)).toBe(8);
  expect(ready).toBe(1);
});
test("classes", () => {
  const d = new Dog("Rex");
  expect(d).toBeInstanceOf(Dog);
  expect(d).toBeInstanceOf(Animal);
  expect(d.speak()).toBe("Rex speaks woof");
  expect(d.loud).toBe("REX");
  d.loud = "MAX";
  expect(d.name).toBe("max");
  expect(`${d}`).toBe("Animal(max)");
  expect(JSON.parse(JSON.stringify(d))).toEqual({ kind: "animal", name: "max" });
  expect(Animal.count).toBe(1);
  expect(d.constructor.name).toBe("Dog");
  expect(Object.keys(d)).toEqual(["name"]);
  expect({ ...d }).toEqual({ name: "max" });
  expect(d).toEqual(expect.objectContaining({ name: "max" }));
  expect([d]).toEqual([expect.any(Dog)]);
});
test("stack", () => {
  const s = new Stack<number>();
  s.push(1).push(2);
  expect(s.size).toBe(2);
  expect([...s]).toEqual([1, 2]);
  expect(s.pop()).toBe(2);
  expect(s.push(3)).toBe(s);
});
test("money", () => {
  expect(new Money(5).plus(new Money(6))).toEqual(new Money(11));
  expect(new Money(5).equals(new Money(5))).toBe(true);
  expect(+new Money(5)).toBe(5);
  expect(new Money(5) < new Money(6)).toBe(true);
});
test("map subclass", () => {
  const c = new Counter().add("a").add("a");
  expect(c.get("a")).toBe(2);
  expect([...c]).toEqual([["a", 2]]);
  expect(c).toBeInstanceOf(Map);
  expect(c.size).toBe(1);
});
test("functions", () => {
  expect(curry(1)(2)(3)).toBe(6);
  const f = () => 1;
  expect(identity(f)).toBe(f);
  const o = {
    g() {
      return this;
    },
  };
  expect(identity(o)).toBe(o);
  const calls = vi.fn((n: number) => n * 2);
  const m = memo(calls);
  expect([m(2), m(2)]).toEqual([4, 4]);
  expect(calls).toHaveBeenCalledTimes(1);
});
test("errors", () => {
  expect(() => find("x")).toThrow(NotFound);
  expect(() => find("x")).toThrow(Deep);
  expect(() => find("x")).toThrow(/no x/);
  try {
    find("yz");
    expect.unreachable();
  } catch (e: any) {
    expect(e.short).toBe("y");
    expect(e.id).toBe("yz");
    expect(e.cause).toBeInstanceOf(TypeError);
    expect(e.cause.message).toBe("inner");
    expect(e.name).toBe("NotFound");
  }
});
test("aggregate", () => {
  try {
    many();
  } catch (e: any) {
    expect(e).toBeInstanceOf(AggregateError);
    expect(e.errors.map((x: Error) => x.message)).toEqual(["a", "b"]);
  }
});
test("thrown value", () => {
  try {
    raw();
    expect.unreachable();
  } catch (e) {
    expect(e).toEqual({ code: 7, list: [1] });
  }
});
test("trees", () => {
  expect(tree).toEqual({ value: 1, children: [{ value: 2, children: [] }] });
  expect(loop.self.self.name).toBe("x");
});
test("promises", async () => {
  expect(
    await all([
      async () => 1,
      async () => {
        await sleep(2);
        return 2;
      },
    ]),
  ).toEqual([1, 2]);
  const f = vi.fn().mockRejectedValueOnce(new Error("no")).mockResolvedValue(5);
  expect(await retry(f, 3)).toBe(5);
  expect(f).toHaveBeenCalledTimes(2);
  await expect(
    retry(async () => {
      throw new RangeError("always");
    }, 2),
  ).rejects.toThrow(RangeError);
});
test("big", () => {
  const xs = big(20000);
  expect(xs).toHaveLength(20000);
  expect(xs[19999]).toEqual({ i: 19999, s: "19999" });
});
test("emitter", () => {
  const e = new Emitter();
  const f = vi.fn();
  const off = e.on("a", f);
  e.emit("a", { x: 1 });
  off();
  e.emit("a", 2);
  expect(f.mock.calls).toEqual([[{ x: 1 }]]);
});
test("given objects", () => {
  class Square {
    constructor(public_: number) {
      this.s = public_;
    }
    s: number;
    scale = 2;
    area() {
      return this.s ** 2;
    }
  }
  expect(use(new Square(3))).toBe(18);
});
test("symbols", () => {
  expect(getSym()).toBe(sym);
  expect(typeof sym).toBe("symbol");
});
test("bare", () => {
  expect(bare()).toEqual({ a: 1 });
  expect(Object.getPrototypeOf(bare())).toBe(null);
});
test("mutates", () => {
  const o = { a: 1, list: [1], m: new Map(), gone: 1 };
  const { list } = o;
  mutate(o);
  expect(o).toEqual({ a: 2, list: [1, 9], m: new Map([["k", 2]]) });
  expect(list).toEqual([1, 9]);
});
test("bytes", () => {
  const b = new Uint8Array([1, 2]);
  expect(bytes(b)).toEqual(new Uint8Array([2, 9]));
  expect(b[0]).toBe(9);
});
test("streams", async () => {
  const got = [];
  for await (const x of stream(3)) got.push(x.i);
  expect(got).toEqual([0, 1, 2]);
  expect(await sleep(5)).toBe("done");
  await expect(
    Promise.race([sleep(2), new Promise((r) => setTimeout(() => r("late"), 200))]),
  ).resolves.toBe("done");
});
test("sorted", () => {
  expect(sorted(["b", "a"], (a, b) => a.localeCompare(b))).toEqual(["a", "b"]);
});
test("undefined keys", () => {
  expect(opt({ a: 1 })).toStrictEqual({ a: 1, b: undefined });
  expect(opt({})).toEqual({});
});
describe.each([{ n: 1 }, { n: 2 }])("for $n", ({ n }) => {
  it("works", () => {
    expect(twice(n)).toBe(2 * n);
  });
});
test("context", ({ expect: own, task }) => {
  own(task.name).toBe("context");
});
test("counts", () => {
  expect.assertions(1);
  expect(twice(1)).toBe(2);
});
