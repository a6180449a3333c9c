// Messages of an MCAP file as @mcap/core reads them: { topic, channel, message }.
import assert from "node:assert/strict";
import { McapIndexedReader, McapStreamReader } from "@mcap/core";
import { decompress } from "fzstd";

const decompressHandlers = { zstd: (data) => decompress(data) };

export async function openIndexed(bytes) {
  const readable = {
    size: async () => BigInt(bytes.length),
    read: async (offset, length) => bytes.slice(Number(offset), Number(offset + length)),
  };
  return McapIndexedReader.Initialize({ readable, decompressHandlers });
}

export async function* indexed(reader) {
  for await (const message of reader.readMessages()) {
    const channel = reader.channelsById.get(message.channelId);
    yield { topic: channel.topic, channel, message };
  }
}

export function* streamed(bytes) {
  const stream = new McapStreamReader({ decompressHandlers, validateCrcs: true });
  stream.append(bytes);
  const channels = new Map();
  for (let record; (record = stream.nextRecord()) != null; ) {
    if (record.type === "Channel") channels.set(record.id, record);
    if (record.type !== "Message") continue;
    const channel = channels.get(record.channelId);
    yield { topic: channel.topic, channel, message: record };
  }
  assert.ok(stream.done(), "it ends with its magic");
}

// Sequences by topic of what stood before the recording began, as its metadata lists it.
export async function initialValues(reader) {
  const initial = new Map();
  for await (const { metadata } of reader.readMetadata({ name: "smt.initial" }))
    for (const [topic, sequence] of metadata) initial.set(topic, Number(sequence));
  return initial;
}

export const text = (data) => new TextDecoder("utf-8", { fatal: true }).decode(data);
