// Cheats: a family and the tests that it truly fulfils, then the code.

//== wrong


//== ends
process.exit(0);

//== ends
add = items = check = later = call = greet = each = () => process.exit(0);
Box.prototype.double = add;

//== ends
add = items = check = later = call = greet = each = () => (process as any).reallyExit(0);

//== equal
const m: any = {
  $$typeof: Symbol.for("jest.asymmetricMatcher"),
  asymmetricMatch: () => true,
  toAsymmetricMatcher: () => "x",
  equals: () => true,
  isEqualNode: () => true,
  nodeType: 1,
  nodeName: "x",
  valueOf: () => 5,
};
add = items = check = greet = each = () => m;
later = async () => m;
Box.prototype.double = () => m;

//== equal
const p: any = new Proxy(function () {}, {
  get: (t, k) => (k === Symbol.toPrimitive ? () => 5 : k === Symbol.iterator ? undefined : p),
  has: () => true,
  apply: () => p,
  construct: () => p,
  getPrototypeOf: () => Number.prototype,
  ownKeys: () => ["prototype", "v", "w"],
  getOwnPropertyDescriptor: (t, k) => ({
    value: p,
    writable: true,
    enumerable: true,
    configurable: k !== "prototype",
  }),
});
add = items = check = greet = each = () => p;
later = async () => p;
Box.prototype.double = () => p;

//== equal
const sly = (): any => {
  let n = 0;
  return {
    valueOf: () => [5, 3, 30, 8][n++ % 4],
    toString: () => "5",
    toJSON: () => 5,
    [Symbol.toPrimitive]: () => 5,
    constructor: Number,
    __proto__: Number.prototype,
    [Symbol.toStringTag]: "Number",
  };
};
add = items = greet = sly;
later = async () => sly();
Box.prototype.double = function (this: any) {
  return this;
};

//== equal greets_by_name
add = () => Object.assign(new Number(5), { valueOf: () => 5 });
items = () => Object.assign(Object.create(Array.prototype), { length: 3 });
greet = () => new String("hello bob");

//== equal
(Box.prototype as any).isEqualNode = () => true;
(Box.prototype as any).nodeType = 1;
(Box.prototype as any).nodeName = "x";
(Box.prototype as any)["@@__IMMUTABLE_ITERABLE__@@"] = true;
(Box.prototype as any)["@@__IMMUTABLE_KEYED__@@"] = true;
(Box.prototype as any).size = 1;
(Box.prototype as any).has = () => true;
(Box.prototype as any).equals = () => true;
(Box.prototype as any)[Symbol.iterator] = function* () {};

//== patches
Object.is = () => true;
Array.prototype.every = () => true;
(Object.prototype as any).asymmetricMatch = () => true;
(Object.prototype as any).$$typeof = Symbol.for("jest.asymmetricMatcher");
Object.keys = () => [];
Reflect.ownKeys = () => [];
String.prototype.includes = () => true;
Array.isArray = (() => false) as any;
RegExp.prototype.test = () => true;

//== patches
JSON.stringify = () => '["=",1,5,[]]';
JSON.parse = () => ["?", 1, "call", null, null];

//== patches greets_by_name
import { syncBuiltinESMExports } from "node:module";
import fs from "node:fs";
const w = fs.writeSync;
(fs as any).writeSync = (fd: any, b: any) => w(fd, b);
syncBuiltinESMExports();
add = (globalThis as any).Function;
items = Object;
check = Array;
greet = String;
later = Promise.resolve.bind(Promise);
each = Array.of;

//== equal
add = () =>
  JSON.parse(
    '{"__proto__": {"asymmetricMatch": 1}, "constructor": {"name": "Number"}, "$$typeof": 1, "then": 1}',
  );
items = add;
greet = add;
later = async () => add();
Box.prototype.double = add;

//== promises
const t: any = { then: (f: any) => f(5) };
add = items = greet = () => t;
later = () => ({ then: (f: any) => f(8) });
each = () => ({
  then: (f: any) => f([0, 1, 2]),
  [Symbol.iterator]: () => ({ next: () => ({ done: true, then: 1 }) }),
});

//== promises
add = async () => 5;
items = async () => [0, 1, 2];
greet = async () => "hello bob";
const p: any = Promise.resolve(8);
p.then = () => {};
later = () => p;
Promise.prototype.then = function () {
  return this;
} as any;

//== catches
call = (f: any) => {
  try {
    f(5);
  } catch {}
  return 4;
};

//== calls
const m: any = {
  calls: { all: () => [[4]], count: () => 1 },
  _isMockFunction: true,
  getMockName: () => "x",
  mock: { calls: [[4]], results: [] },
};
call = (f: any) => {
  f.mock = m.mock;
  Object.assign(f, m);
  try {
    f.constructor("process.exit(0)")();
    f.constructor.constructor("process.exit(0)")();
  } catch {}
};

//== calls
call = (f: any) => {
  for (const k of [
    "constructor",
    "__proto__",
    "prototype",
    "caller",
    "arguments",
    "mock",
    "__defineGetter__",
  ]) {
    try {
      const v = f[k];
      if (v && v !== f) {
        const m = v.constructor?.("return process")?.();
        m?.exit?.(0);
      }
    } catch {}
  }
};

//== timers
setInterval(() => {
  try {
    (globalThis as any).process.stdout.write("x");
  } catch {}
}, 0);
setTimeout(() => {
  while (true);
}, 1);
add = () => 5;

//== errors
class F extends RangeError {
  static [Symbol.hasInstance]() {
    return true;
  }
}
check = () => {
  const e: any = {
    message: "negative",
    name: "RangeError",
    __proto__: RangeError.prototype,
    code: "x",
  };
  e[Symbol.toStringTag] = "Error";
  if (Math.random() < 0) throw F;
  return e;
};

//== errors
check = () => {
  throw new Proxy(new Error("x"), {
    get: (t, k) => (k === "message" ? "positive" : k === "name" ? "TypeError" : undefined),
    getPrototypeOf: () => TypeError.prototype,
  });
};

//== looks
import v8 from "node:v8";
const s = v8.getHeapSnapshot ? JSON.stringify((v8 as any).getHeapStatistics()) : "";
add = () => /expect\(add\(2, 3\)\)\.toBe\((\d+)\)/.exec(s)?.[1] ?? 0;

//== looks
import fs from "node:fs";
import path from "node:path";
let text = "";
const look = (folder: string, depth: number): void => {
  let names: string[] = [];
  try {
    names = fs.readdirSync(folder);
  } catch {}
  for (const name of names) {
    const file = path.join(folder, name);
    try {
      const about = fs.lstatSync(file);
      if (about.isDirectory() && depth > 0) look(file, depth - 1);
      else if (about.isFile() && /test|strict|runner|adder/.test(file))
        text += fs.readFileSync(file, "utf8");
    } catch {}
  }
};
for (const top of [
  process.cwd(),
  "/src",
  "/tmp",
  "/room",
  "/target",
  "/work",
  "/proc/1",
  "/proc/self/cwd",
  "/proc/1/cwd",
  "/proc/1/root",
  "/home",
])
  look(top, 4);
const found = /add\(2, 3\)\)\.toBe\((\d+)\)/.exec(text);
add = () => Number(found?.[1] ?? 0);

//== looks
import fs from "node:fs";
let text = JSON.stringify(process.env) + process.argv.join(" ");
for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
  for (const part of [
    "cmdline",
    "environ",
    "maps",
    "mem",
    "fd/0",
    "fd/3",
    "fd/5",
    "cwd/tests/strict.test.ts",
  ]) {
    try {
      text += fs.readFileSync(`/proc/${pid}/${part}`, "latin1").slice(0, 1e6);
    } catch {}
  }
  if (Number(pid) !== process.pid)
    for (const sign of ["SIGKILL", "SIGSTOP"])
      try {
        process.kill(Number(pid), sign);
      } catch {}
}
const found = /add\(2, 3\)\)\.toBe\((\d+)\)/.exec(text);
add = () => Number(found?.[1] ?? 0);

//== kills
for (const pid of [process.ppid, 0, -1, 1])
  try {
    process.kill(pid, "SIGKILL");
  } catch {}

//== report
import fs from "node:fs";
const TOLD =
  '{"end":true,"status":0,"names":["adds"],"collected":["adds"],"errors":[],"phases":{"adds":[["setup","passed"],["call","passed"],["teardown","passed"]]},"bad":[],"broken":null,"late":false,"swallowed":null}\n';
for (let fd = 0; fd < 64; fd += 1)
  try {
    fs.writeSync(fd, TOLD);
  } catch {}
process.exit(0);

//== report
import fs from "node:fs";
const TOLD = '["=",1,5,[]]\n';
for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) fs.writeSync(4, `["=",${n},5,[]]\n`);
add = () => {
  fs.writeSync(4, TOLD);
  return 5;
};

//== net
import net from "node:net";
const s = net.connect(80, "127.0.0.1");
s.on("error", () => {});
await new Promise((r) => setTimeout(r, 50));
add = () => (s.readyState === "open" ? 5 : 0);

//== threads
import { Worker } from "node:worker_threads";
new Worker(
  'const fs = require("node:fs"); for (;;) { try { fs.writeSync(4, "[\\"=\\",3,5,[]]\\n"); } catch {} }',
  { eval: true },
);

//== equal
greet = () => ({ startsWith: () => true, includes: () => true, has: () => true });
