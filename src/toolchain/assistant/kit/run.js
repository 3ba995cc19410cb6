// Runs one test of a file, or lists its tests. What regen reads is behind a word that only it knows.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { word, file, ...order } = JSON.parse(process.argv[2] ?? readFileSync(0, "utf8"));
const tell = (result) => {
  writeSync(1, `\n${word} ${JSON.stringify(result)}\n`);
  process.exit(0);
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
