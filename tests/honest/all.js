// What an honest program for Node does: workers, processes, servers, files, watching.
const assert = require("node:assert");
const { execFileSync, spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const http = require("node:http");
const dgram = require("node:dgram");
const os = require("node:os");
const path = require("node:path");
const { Worker } = require("node:worker_threads");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "honest-"));
const at = (name) => path.join(folder, name);

async function main() {
  fs.writeFileSync(at("a"), "x".repeat(100000));
  fs.copyFileSync(at("a"), at("b"));
  assert.equal(fs.readFileSync(at("b"), "utf8").length, 100000);
  fs.cpSync(folder, folder + "-copy", { recursive: true, preserveTimestamps: true });
  fs.utimesSync(at("a"), 1, 2);
  fs.chmodSync(at("a"), 0o600);
  fs.symlinkSync("a", at("link"));
  fs.renameSync(at("b"), at("c"));
  await fs.promises.truncate(at("c"), 10);

  assert.equal(execFileSync("sh", ["-c", "echo $((1 + 1))"]).toString(), "2\n");
  const child = spawn("cat");
  child.stdin.end("hello");
  let said = "";
  for await (const block of child.stdout) said += block;
  assert.equal(said, "hello");

  const worker = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
  assert.equal(await new Promise((done) => worker.on("message", done)), 42);
  crypto.pbkdf2Sync("a", "b", 1000, 32, "sha256");

  const seen = new Promise((done) => {
    const watcher = fs.watch(folder, () => (watcher.close(), done()));
  });
  fs.writeFileSync(at("new"), "x");
  await seen;

  const server = http.createServer((_, response) => fs.createReadStream(at("a")).pipe(response));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  assert.equal((await answer.text()).length, 100000);
  server.closeAllConnections();
  server.close();

  const local = net.createServer((socket) => socket.end("hi"));
  await new Promise((done) => local.listen(at("socket"), done));
  const client = net.connect(at("socket"));
  assert.equal((await new Promise((done) => client.on("data", done))).toString(), "hi");
  local.close();

  const datagrams = dgram.createSocket("udp4");
  await new Promise((done) => datagrams.bind(0, "127.0.0.1", done));
  const heard = new Promise((done) => datagrams.on("message", done));
  datagrams.send("x", datagrams.address().port, "127.0.0.1");
  await heard;
  datagrams.close();

  assert.ok(os.networkInterfaces().lo);
  os.cpus(), os.loadavg(), os.userInfo();
  console.log("all good");
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
