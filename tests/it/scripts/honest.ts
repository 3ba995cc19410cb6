export type Opt = { deep: boolean };
export function add(a: number, b: number): number {
  return a + b;
}
export class Box {
  v: number;
  constructor(v: number) {
    this.v = v;
  }
  double(): Box {
    return new Box(this.v * 2);
  }
  equals(o: Box) {
    return o.v === this.v;
  }
  get half() {
    return this.v / 2;
  }
  static of(v: number) {
    return new Box(v);
  }
}
export const items = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export function check(n: number): void {
  if (n < 0) throw new RangeError("negative");
}
export const later = async (x: number): Promise<number> => {
  if (x < 0) throw new RangeError("negative");
  return x * 2;
};
export class OwnError extends Error {
  code: string;
  constructor(m: string, code: string) {
    super(m);
    this.name = "OwnError";
    this.code = code;
  }
  describe() {
    return `${this.code}: ${this.message}`;
  }
}
export function fail(): never {
  throw new OwnError("bad", "E1");
}
export function counter() {
  let n = 0;
  return {
    up: () => ++n,
    get n() {
      return n;
    },
  };
}
export function* gen(n: number) {
  for (let i = 0; i < n; i++) yield i;
}
export async function* agen(n: number) {
  for (let i = 0; i < n; i++) yield i;
}
export const group = (xs: string[]) => {
  const m = new Map<string, string[]>();
  for (const x of xs) m.set(x[0]!, [...(m.get(x[0]!) ?? []), x]);
  return m;
};
export const debounce = (f: () => void, ms: number) => {
  let t: any;
  return () => {
    clearTimeout(t);
    t = setTimeout(f, ms);
  };
};
export const map = (xs: number[], f: (x: number) => number) => xs.map((x) => f(x));
export const sort = (xs: number[]) => {
  xs.sort((a, b) => a - b);
};
export const MAX = 7;
export const viaCb = async (f: (n: number) => Promise<number>) => (await f(3)) + 1;
export const odd = () => [
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
];
export const run = (d: { now: () => number; log: (s: string) => void }) => {
  d.log(`at ${d.now()}`);
  return d.now();
};
export const say = (s: string) => {
  console.log(s, 1);
};
