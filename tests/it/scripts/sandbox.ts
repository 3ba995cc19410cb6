import fs from "node:fs";
import net from "node:net";
import path from "node:path";

/** Files that can be read, below some folders. */
export function files(): string[] {
  const found: string[] = [];
  const look = (folder: string, depth: number): void => {
    let names: string[] = [];
    try {
      names = fs.readdirSync(folder);
    } catch {}
    for (const name of names) {
      const file = path.join(folder, name);
      try {
        if (!fs.statSync(file).isDirectory()) found.push(file);
        else if (depth > 0) look(file, depth - 1);
      } catch {}
    }
  };
  for (const top of [process.cwd(), path.dirname(process.cwd()), "/tmp", "/root", "/home"]) {
    look(top, 3);
  }
  return found;
}

/** What its descriptors are. */
export function descriptors(): Record<string, string> {
  const all: Record<string, string> = {};
  for (let at = 0; at < 64; at += 1) {
    try {
      const about = fs.fstatSync(at);
      // Node's own are no files and no pipes.
      const own = fs.readlinkSync(`/proc/self/fd/${at}`).startsWith("anon_inode");
      if (!own) all[at] = about.isFIFO() ? "pipe" : about.isSocket() ? "socket" : "file";
    } catch {}
  }
  return all;
}

/** The programs that it sees. */
export function programs(): string[] {
  const numbers = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.map((number) => fs.readFileSync(`/proc/${number}/cmdline`, "latin1"));
}

/** What it is given. */
export function variables(): string[] {
  return Object.keys(process.env).sort();
}

export function args(): string[] {
  return process.argv.slice(2);
}

/** Whether an address answers. */
export function connects(host: string, port: number): Promise<string> {
  return new Promise((done) => {
    const socket = net.connect(port, host);
    socket.on("connect", () => done("connected"));
    socket.on("error", (error) => done(String((error as { code?: string }).code)));
    setTimeout(() => done("nothing"), 200);
  });
}
