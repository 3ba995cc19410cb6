const helper = (n: number): number => n * 2;
export default function twice(n: number): number {
  return helper(n);
}
export class Animal {
  name: string;
  static count = 0;
  constructor(name: string) {
    this.name = name;
    Animal.count += 1;
  }
  speak(): string {
    return `${this.name} speaks`;
  }
  toString() {
    return `Animal(${this.name})`;
  }
  toJSON() {
    return { kind: "animal", name: this.name };
  }
}
export class Dog extends Animal {
  speak(): string {
    return `${super.speak()} woof`;
  }
  get loud() {
    return this.name.toUpperCase();
  }
  set loud(v: string) {
    this.name = v.toLowerCase();
  }
}
export class Stack<T> {
  #items: T[] = [];
  push(x: T) {
    this.#items.push(x);
    return this;
  }
  pop() {
    return this.#items.pop();
  }
  get size() {
    return this.#items.length;
  }
  *[Symbol.iterator]() {
    yield* this.#items;
  }
}
export class Money {
  cents: number;
  constructor(c: number) {
    this.cents = c;
  }
  valueOf() {
    return this.cents;
  }
  plus(o: Money) {
    return new Money(this.cents + o.cents);
  }
  equals(o: Money) {
    return o instanceof Money && o.cents === this.cents;
  }
}
export class Counter extends Map<string, number> {
  add(k: string) {
    this.set(k, (this.get(k) ?? 0) + 1);
    return this;
  }
}
export const curry = (a: number) => (b: number) => (c: number) => a + b + c;
export const identity = <T>(x: T): T => x;
export function memo<A, R>(f: (a: A) => R): (a: A) => R {
  const m = new Map<A, R>();
  return (a) => {
    if (!m.has(a)) m.set(a, f(a));
    return m.get(a)!;
  };
}
export class NotFound extends Error {
  id: string;
  constructor(id: string, options?: ErrorOptions) {
    super(`no ${id}`, options);
    this.name = "NotFound";
    this.id = id;
  }
  get short() {
    return this.id.slice(0, 1);
  }
}
export class Deep extends NotFound {}
export function find(id: string): never {
  throw new Deep(id, { cause: new TypeError("inner") });
}
export function many(): never {
  throw new AggregateError([new Error("a"), new Error("b")], "many");
}
export function raw(): never {
  throw { code: 7, list: [1] };
}
export const tree = { value: 1, children: [{ value: 2, children: [] as unknown[] }] };
export const loop: any = { name: "x" };
loop.self = loop;
export async function all(fs: (() => Promise<number>)[]) {
  return Promise.all(fs.map((f) => f()));
}
export async function retry<T>(f: () => Promise<T>, n: number): Promise<T> {
  for (let i = 0; ; i++) {
    try {
      return await f();
    } catch (e) {
      if (i + 1 >= n) throw e;
    }
  }
}
export const big = (n: number) => Array.from({ length: n }, (_, i) => ({ i, s: `${i}` }));
export class Emitter {
  private all = new Map<string, ((x: unknown) => void)[]>();
  on(n: string, f: (x: unknown) => void) {
    this.all.set(n, [...(this.all.get(n) ?? []), f]);
    return () => {
      this.all.set(
        n,
        (this.all.get(n) ?? []).filter((g) => g !== f),
      );
    };
  }
  emit(n: string, x: unknown) {
    for (const f of this.all.get(n) ?? []) f(x);
  }
}
export const use = (r: { area(): number; scale: number }) => r.area() * r.scale;
export const sym = Symbol("s");
export const getSym = () => sym;
export const bare = () => Object.assign(Object.create(null), { a: 1 });
export function mutate(o: { a: number; list: number[]; m: Map<string, number>; gone?: number }) {
  o.a += 1;
  o.list.push(9);
  o.m.set("k", 2);
  delete o.gone;
}
export const bytes = (b: Uint8Array) => {
  b[0] = 9;
  return new Uint8Array([...b].reverse());
};
export const sleep = (ms: number) => new Promise<string>((r) => setTimeout(() => r("done"), ms));
export const stream = async function* (n: number) {
  for (let i = 0; i < n; i++) {
    await sleep(1);
    yield { i };
  }
};
export const sorted = (xs: string[], by: (a: string, b: string) => number) => [...xs].sort(by);
export const opt = (o: { a?: number | undefined }) => ({ ...o, b: undefined });
