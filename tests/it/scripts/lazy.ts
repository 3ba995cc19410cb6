export let add: any = (a: any, b: any) => 0;
export class Box {
  v: any = 0;
  constructor(v: any) {}
  double(): any {
    return new Box(0);
  }
}
export let items: any = (n: any) => [];
export class Own extends Error {}
export let check: any = (n: any) => {};
export let later: any = async (x: any) => 0;
export let call: any = (f: any) => null;
export let greet: any = (n: any) => "";
export let each: any = function* (n: any) {};
