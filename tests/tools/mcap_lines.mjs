// Prints each message of FILE as TOPIC, log time, publish time, data, with tabs between them, as @mcap/core reads it
// by its index; it must read the same as a stream.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { indexed, openIndexed, streamed, text } from "./mcap_read.mjs";

const bytes = new Uint8Array(await readFile(process.argv[2]));
const line = ({ topic, message }) =>
  `${topic}\t${message.logTime}\t${message.publishTime}\t${text(message.data)}\n`;
const lines = [];
for await (const one of indexed(await openIndexed(bytes))) lines.push(line(one));
const stream = [];
for (const one of streamed(bytes)) stream.push(line(one));
assert.deepEqual([...stream].sort(), [...lines].sort());
process.stdout.write(lines.join(""));
