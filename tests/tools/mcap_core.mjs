// Reads FILE with @mcap/core and compares it with the summary that smtlogger -f json has printed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { McapIndexedReader, McapStreamReader } from "@mcap/core";
import { decompress } from "fzstd";

const [file, summaryFile] = process.argv.slice(2);
const bytes = new Uint8Array(await readFile(file));
const summary = JSON.parse(await readFile(summaryFile, "utf8"));
const expected = Object.fromEntries(summary.topics.map((t) => [t.topic, t.samples]));
const decompressHandlers = { zstd: (data) => decompress(data) };
const text = (data) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));

const values = {
  "arm/pose": { value: [1, 2.5, -3] },
  "arm/name": { value: "height" },
  "arm/bits": { value: "AAEC" },
};
function check(topic, message) {
  const value = text(message.data);
  if (topic in values) assert.deepEqual(value, values[topic]);
  else assert.equal(typeof value.value, "number");
}

const readable = {
  size: async () => BigInt(bytes.length),
  read: async (offset, length) => bytes.slice(Number(offset), Number(offset + length)),
};
const indexed = await McapIndexedReader.Initialize({ readable, decompressHandlers });
assert.equal(indexed.header.profile, "");
assert.match(indexed.header.library, /^smtrelay /);
assert.equal(indexed.statistics.messageCount, BigInt(summary.samples));
assert.ok(indexed.chunkIndexes.length >= 2, "a chunk a second");
const found = {};
let last = 0n;
for await (const message of indexed.readMessages()) {
  const channel = indexed.channelsById.get(message.channelId);
  const schema = indexed.schemasById.get(channel.schemaId);
  assert.equal(channel.messageEncoding, "json");
  assert.equal(schema.encoding, "jsonschema");
  assert.equal(text(schema.data).type, "object");
  assert.ok(message.logTime >= last, "in the order of time");
  last = message.logTime;
  found[channel.topic] = (found[channel.topic] ?? 0) + 1;
  check(channel.topic, message);
}
assert.deepEqual(found, expected);

const stream = new McapStreamReader({ decompressHandlers, validateCrcs: true });
stream.append(bytes);
const topics = new Map();
const streamed = {};
for (let record; (record = stream.nextRecord()) != null; ) {
  if (record.type === "Channel") topics.set(record.id, record.topic);
  if (record.type !== "Message") continue;
  const topic = topics.get(record.channelId);
  streamed[topic] = (streamed[topic] ?? 0) + 1;
  check(topic, record);
}
assert.ok(stream.done(), "it ends with its magic");
assert.deepEqual(streamed, expected);
console.log(`${summary.samples} samples of ${summary.topics.length} topics`);
