export const add = (a: any, b: any): any => a + b;
export class Box {
  v: any;
  w = 7;
  constructor(v: any) {
    this.v = v;
  }
  double(): any {
    return new Box(this.v * 2);
  }
}
export const items = (n: number): any => Array.from({ length: n }, (_, i) => i);
export class Own extends Error {}
export const check = (n: number): any => {
  if (n === -2) throw new Own("own");
  if (n < 0) throw new RangeError("negative");
};
export const later = async (x: number): Promise<any> => {
  if (x < 0) throw new RangeError("negative");
  return x * 2;
};
export const call = (f: any): any => f(4);
export const greet = (n: string): any => `hello ${n}`;
export function* each(n: number): any {
  for (let i = 0; i < n; i++) yield i;
}
