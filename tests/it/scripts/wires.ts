import fs from "node:fs";

const told = (told: unknown) => {
  fs.writeSync(4, `${typeof told === "string" ? told : JSON.stringify(told)}\n`);
};
const hear = (): any => {
  const part = Buffer.alloc(1);
  let line = "";
  while (!line.endsWith("\n")) {
    if (fs.readSync(3, part) === 0) process.exit(0);
    line += part.toString();
  }
  return parse(line);
};
// The number of the question, from what it was read with.
let N = 0;
const { parse } = JSON;
JSON.parse = (text: string) => {
  const read = parse(text);
  if (Array.isArray(read) && read[0] === "?") N = read[1];
  return read;
};
const lie = (): any => {
  for (;;) {
    LIE;
    N = hear()[1];
  }
};
add = items = check = later = call = greet = each = lie;
Box.prototype.double = lie;
