// Runs one test of a file, or lists its tests. What regen reads is behind a word that only it knows: it
// comes once, from regen itself, so that no argument, variable or file has it.
import { readFileSync, writeSync } from "node:fs";
import { get } from "node:http";
import { pathToFileURL } from "node:url";

// Taken before a test can replace them.
const { parse, stringify } = JSON;
const { exit } = process;
const write = writeSync;
const port = process.argv[2];
const asked = () =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/order", agent: false };
    get(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("error", reject).on("end", () => resolve(text));
    }).on("error", reject);
  });
const { word, file, ...order } = parse(port === undefined ? readFileSync(0, "utf8") : await asked());
const tell = (result) => {
  // Without a prototype it has no `toJSON` but its own.
  write(1, `\n${word} ${stringify({ __proto__: null, ...result })}\n`);
  exit(0);
};
const failed = (error) => tell({ status: "error", why: error instanceof Error ? error.message : String(error) });
process.on("uncaughtException", failed);
process.on("unhandledRejection", failed);
try {
  const { regen } = await import("spec-runner");
  await import(pathToFileURL(file));
  tell(await regen(order));
} catch (error) {
  // Node prints the place of such an error only if nothing catches it.
  if (error instanceof SyntaxError) {
    process.removeAllListeners("uncaughtException");
    throw error;
  }
  failed(error);
}
