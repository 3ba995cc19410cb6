// The kit of regen's behaviour tests: `test`, `describe` and `expect`. Nothing else exists.
import { request } from "node:http";
import { format, inspect, isDeepStrictEqual } from "node:util";

/** An expectation that does not hold: the model's answer is at fault. */
export class ExpectationError extends Error {}

// Taken before a test can replace them. `bare(f)(object, …)` calls a method.
const { is } = Object;
const { parse, stringify } = JSON;
const bare = Function.prototype.bind.bind(Function.prototype.call);
const inText = bare(String.prototype.includes);
const inList = bare(Array.prototype.includes);
const find = bare(RegExp.prototype.exec);
const Pattern = RegExp;

/** Texts that are no JSON, by the error that says so. */
const unread = new WeakMap();
JSON.parse = (text, reviver) => {
  try {
    return parse(text, reviver);
  } catch (error) {
    if (error instanceof SyntaxError) unread.set(error, typeof text === "string" ? text.slice(0, 10_000) : "");
    throw error;
  }
};

const show = (value) => inspect(value, { breakLength: Infinity, maxStringLength: 2000 });
/** Characters of a prompt. */
const LONGEST = 500_000;
const cases = [];
const groups = [];
const state = { checks: 0, failed: null, asked: 0, waiting: 0, ask: null };

function add(title, run, end = "") {
  if (typeof title !== "string" || typeof run !== "function") {
    throw new TypeError("test(title, function) needs a title and a function");
  }
  if (title.includes("::case ")) throw new Error("`::case ` in a title is for `test.each`");
  const name = [...groups, title].join("::") + end;
  if (cases.some((one) => one.name === name)) {
    throw new Error(`the title ${show(name)} is written twice`);
  }
  cases.push({ name, run });
}

function only(target, names, what) {
  return new Proxy(target, {
    get(object, key) {
      if (typeof key === "symbol" || key === "then" || Object.hasOwn(object, key)) return object[key];
      throw new Error(`${what} has no \`${key}\`; there are: ${names.join(", ")}`);
    },
  });
}

const each = (table) => {
  if (!Array.isArray(table) || table.length === 0 || "raw" in table) {
    throw new TypeError("test.each needs a list of rows");
  }
  return (title, run) =>
    table.forEach((row, at) => {
      const values = Array.isArray(row) ? row : [row];
      add(title, () => run(...values), `::case ${at + 1}`);
    });
};

export const test = only(Object.assign((title, run) => add(title, run), { each }), ["each"], "test");
export const it = test;

export const describe = only((title, define) => {
  groups.push(title);
  if (define() !== undefined) throw new Error("the function of `describe` must not be async");
  groups.pop();
}, [], "describe");

const number = (value) => {
  if (typeof value !== "number") throw new TypeError(`${show(value)} is not a number`);
  return value;
};

const matchers = {
  toBe: (value, wanted) => [is(value, wanted), `to be ${show(wanted)}`],
  toEqual: (value, wanted) => [isDeepStrictEqual(value, wanted), `to equal ${show(wanted)}`],
  toContain: (value, part) => {
    if (typeof value !== "string" && !Array.isArray(value)) {
      throw new TypeError("toContain needs a text or a list");
    }
    const found = typeof value === "string" ? inText(value, part) : inList(value, part);
    return [found, `to contain ${show(part)}`];
  },
  toMatch: (value, pattern) => {
    if (typeof value !== "string") throw new TypeError("toMatch needs a text");
    const found = pattern instanceof Pattern ? find(new Pattern(pattern), value) !== null : inText(value, pattern);
    return [found, `to match ${show(pattern)}`];
  },
  toHaveLength: (value, length) => [value?.length === length, `to have the length ${length}`],
  toBeGreaterThan: (value, least) => [number(value) > number(least), `to be greater than ${show(least)}`],
  toBeLessThan: (value, most) => [number(value) < number(most), `to be less than ${show(most)}`],
  toBeTruthy: (value) => [Boolean(value), "to be truthy"],
  toBeFalsy: (value) => [!value, "to be falsy"],
};

function checked(value, negated) {
  const bound = {};
  for (const [name, matcher] of Object.entries(matchers)) {
    bound[name] = (...wanted) => {
      const [holds, words] = matcher(value, ...wanted);
      state.checks += 1;
      if (holds === negated) {
        const why = `expected ${show(value)}${negated ? " not" : ""} ${words}`;
        // What is caught has failed, too.
        state.failed ??= why;
        throw new ExpectationError(why);
      }
    };
  }
  return bound;
}

/** What another model says of a text: an opinion, which decides nothing. */
const judging = (value) => async (question) => {
  if (typeof value !== "string" || typeof question !== "string") {
    throw new TypeError("judge needs a text and a question about it");
  }
  await through({ judge: { text: value, question } });
};

export function expect(value) {
  const bound = checked(value, false);
  bound.judge = judging(value);
  bound.not = only(checked(value, true), Object.keys(matchers), "expect(…).not");
  return only(bound, [...Object.keys(matchers), "not", "judge"], "expect(…)");
}

/** Messages of a prompt: a text, or a list that ends with a user's message. */
function messages(prompt) {
  const list = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  const isMessage = (one) =>
    (one?.role === "user" || one?.role === "assistant") && typeof one.content === "string";
  if (!Array.isArray(list) || !list.every(isMessage) || list.at(-1)?.role !== "user") {
    throw new TypeError(
      "a prompt is a text, or a list of { role: 'user' or 'assistant', content } that ends with a user's message",
    );
  }
  return list.map(({ role, content }) => ({ role, content }));
}

async function chat(prompt, options = {}) {
  const unknown = Object.keys(options).find((key) => key !== "temperature");
  if (unknown !== undefined) throw new Error(`model has no option \`${unknown}\`; there is: temperature`);
  const { temperature = null } = options;
  const isRight = temperature === null || (temperature >= 0 && temperature <= 2);
  if (!isRight) throw new RangeError("`temperature` is a number from 0 to 2");
  return through({ messages: messages(prompt), temperature });
}

/** Asks, and counts the calls. */
async function through(asked) {
  if (state.ask === null) throw new Error("the model can be asked only inside of a test");
  if (stringify(asked).length > LONGEST) throw new RangeError("the prompt is too long");
  asked.place = state.asked;
  state.asked += 1;
  state.waiting += 1;
  const answer = await state.ask(asked);
  state.waiting -= 1;
  return answer;
}

function session() {
  const talk = [];
  const say = async (text, options) => {
    talk.push({ role: "user", content: text });
    const { content } = await chat(talk, options);
    talk.push({ role: "assistant", content });
    return content;
  };
  return only({ say }, ["say"], "a session");
}

export const model = only(
  { chat, session, generate: async (prompt, options) => (await chat(prompt, options)).content },
  ["generate", "chat", "session"],
  "model",
);

/** Asks regen, which asks the model. */
const throughRegen = (port) => (asked) =>
  new Promise((resolve, reject) => {
    const body = stringify(asked);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const options = { host: "127.0.0.1", port, path: "/generate", method: "POST", headers, agent: false };
    const sent = request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const answer = parse(Buffer.concat(pieces).toString());
        if (response.statusCode === 200) resolve(answer);
        else reject(new Error(answer.error));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });

/** A result. Without a prototype it has no `then` that could give another one. */
const ended = (status, why, unread) => ({ __proto__: null, status, why, unread });

/** The names of the tests that were defined, or the result of one. */
export async function regen({ name, port, stub }) {
  if (name === undefined) return { names: cases.map((one) => one.name) };
  const one = cases.find((one) => one.name === name);
  if (one === undefined) return ended("error", "the file does not define this test");
  const stubbed = (asked) => {
    const said = asked.judge ? "" : stub === "echo" ? asked.messages.at(-1).content : stub.text;
    const answer = { role: "assistant", content: said, finish: "stop" };
    return new Promise((resolve) => setTimeout(resolve, 5, answer));
  };
  state.ask = stub === undefined ? throughRegen(port) : stubbed;
  try {
    await one.run();
    // What was started and not awaited can still fail.
    await new Promise(setImmediate);
  } catch (error) {
    if (error instanceof ExpectationError) return ended("fail", error.message);
    // An answer that should be JSON and is not is the model's fault; regen sees whether it is one.
    if (error instanceof SyntaxError && unread.has(error)) {
      return ended("fail", `the text is not JSON: ${error.message}`, unread.get(error));
    }
    const why = error instanceof Error ? `${error.name}: ${error.message}` : format("%o", error);
    return ended("error", why);
  }
  if (state.failed !== null) return ended("fail", state.failed);
  if (state.waiting > 0) return ended("error", "a call of the model is not awaited");
  if (state.checks === 0) return ended("error", "the test checks nothing: use `expect`");
  return ended("pass", "");
}
