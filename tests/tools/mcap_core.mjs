// Reads FILE with @mcap/core and compares it with the summary that smtlogger -f json has printed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { indexed, initialValues, openIndexed, streamed, text } from "./mcap_read.mjs";

const [file, summaryFile] = process.argv.slice(2);
const bytes = new Uint8Array(await readFile(file));
const summary = JSON.parse(await readFile(summaryFile, "utf8"));
const expected = Object.fromEntries(summary.topics.map((t) => [t.topic, t.samples + t.initial]));
const events = "smt/logger/events";
if (summary.events > 0) expected[events] = summary.events;

const values = {
  "arm/pose": { value: [1, 2.5, -3] },
  "arm/name": { value: "height" },
  "arm/bits": { value: "AAEC" },
};
function check(topic, message) {
  const value = JSON.parse(text(message.data));
  if (topic in values) assert.deepEqual(value, values[topic]);
  else assert.equal(typeof (topic === events ? value.count : value.value), "number");
}

const reader = await openIndexed(bytes);
assert.equal(reader.header.profile, "");
assert.match(reader.header.library, /^smtrelay /);
assert.equal(reader.statistics.messageCount, BigInt(summary.samples + summary.initial + summary.events));
const initial = await initialValues(reader);
assert.deepEqual(
  [...initial.keys()].sort(),
  summary.topics.filter((t) => t.initial == 1).map((t) => t.topic).sort(),
);
assert.ok(initial.has("arm/pose") && initial.has("arm/name") && initial.has("arm/bits"));
assert.ok(reader.chunkIndexes.length >= 2, "a chunk a second");
const found = {};
let last = 0n;
for await (const { topic, channel, message } of indexed(reader)) {
  const schema = reader.schemasById.get(channel.schemaId);
  assert.equal(channel.messageEncoding, "json");
  assert.equal(schema.encoding, "jsonschema");
  assert.equal(JSON.parse(text(schema.data)).type, "object");
  assert.ok(message.logTime >= last, "in the order of time");
  last = message.logTime;
  if (found[topic] === undefined && initial.has(topic)) {
    assert.equal(message.sequence, initial.get(topic));
    assert.equal(message.logTime, reader.statistics.messageStartTime, "the recording begins when it begins");
    assert.ok(message.publishTime < message.logTime);
  }
  found[topic] = (found[topic] ?? 0) + 1;
  check(topic, message);
}
assert.deepEqual(found, expected);

const counted = {};
for (const { topic, message } of streamed(bytes)) {
  counted[topic] = (counted[topic] ?? 0) + 1;
  check(topic, message);
}
assert.deepEqual(counted, expected);
console.log(`${summary.samples} samples of ${summary.topics.length} topics`);
