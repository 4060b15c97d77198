// The TypeScript client as a child that answers one JSON line with one: see test_sealed_clients.py.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const sealed = await import(pathToFileURL(process.argv[2]));
const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const open = new Map();
let count = 0;

async function serve(ask) {
  if (ask.do === "seal") {
    const made = sealed.seal({ ...ask, dataKey: unhex(ask.dataKey), body: unhex(ask.body) });
    open.set(++count, made.open);
    return { envelope: hex(made.envelope), exchange: count };
  }
  if (ask.do === "open") {
    const { status, body } = open.get(ask.exchange)(unhex(ask.envelope));
    return { status, body: hex(body) };
  }
  return sealed.call({ ...ask, dataKey: unhex(ask.dataKey) });
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await serve(JSON.parse(line));
  } catch (error) {
    said = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(JSON.stringify(said) + "\n");
}
