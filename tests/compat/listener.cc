#include "tests/compat/listener.h"

#include <fmt/format.h>

#include "proto/batch_reader.h"
#include "shm/schema.h"
#include "tests/text.h"

namespace smt::relay {

bool Listener::hear(std::string_view header, std::string_view payload) {
  proto::Envelope e;
  if (proto::open_message(byte_view(header), byte_view(payload), &e) != proto::Opened::kOk) return false;
  kinds_.insert(static_cast<int>(e.body_case()));
  if (e.has_hello()) {
    sizes_.clear();
    topics_.clear();
  } else if (e.has_announce()) {
    announce(e.announce());
  } else if (e.has_forget()) {
    for (const uint32_t id : e.forget().id()) topics_.erase(id);
  } else if (e.has_batch()) {
    return take_batch(e.batch(), payload);
  } else if (e.has_chunk()) {
    return take_chunk(e.chunk(), payload);
  } else if (e.has_reply()) {
    replies_.push_back(fmt::format("reply: {} topics", e.reply().topics()));
  } else if (e.has_traced()) {
    for (const proto::Finding& f : e.traced().finding()) replies_.push_back("traced: " + f.relay());
  } else if (e.has_set_reply()) {
    for (const proto::SetAnswer& a : e.set_reply().answer())
      replies_.push_back(fmt::format("set: {} {}", a.relay(), static_cast<int>(a.outcome())));
  }
  return true;
}

void Listener::announce(const proto::Announce& all) {
  for (const proto::Topic& t : all.topic()) {
    if (!t.schema().empty()) sizes_[t.schema_hash()] = Schema::from_text(t.schema())->size;
    topics_[t.id()] = {t.name(), sizes_[t.schema_hash()], 0, ""};
  }
}

bool Listener::take_batch(const proto::Batch& batch, std::string_view payload) {
  proto::BatchColumns columns;
  if (!proto::read_columns(batch, &columns) || !expand(batch.raw_bytes(), &payload)) return false;
  int sized = 0;
  for (size_t row = 0; row < columns.rows; ++row) {
    const auto topic = topics_.find(columns.ids[row]);
    if (topic == topics_.end()) return false;
    Topic& t = topic->second;
    uint64_t bytes = t.value_bytes;
    if (bytes == 0 && sized >= batch.size_size()) return false;
    if (bytes == 0) bytes = batch.size(sized++);
    if (bytes > payload.size()) return false;
    t.sequence += columns.sequences[row];
    sample(t, payload.substr(0, bytes));
    payload.remove_prefix(bytes);
  }
  return payload.empty();
}

bool Listener::take_chunk(const proto::Chunk& chunk, std::string_view payload) {
  const auto topic = topics_.find(chunk.id());
  if (topic == topics_.end() || !expand(chunk.raw_bytes(), &payload)) return false;
  Topic& t = topic->second;
  if (chunk.offset() == 0) t.pieces.clear();
  if (chunk.offset() != t.pieces.size()) return false;
  t.pieces += payload;
  t.sequence = chunk.sequence();
  if (t.pieces.size() == chunk.size()) sample(t, t.pieces);
  return true;
}

bool Listener::expand(uint64_t raw_bytes, std::string_view* payload) {
  if (raw_bytes == 0) return true;
  const auto raw = expander_.expand(byte_view(*payload), raw_bytes);
  if (raw) *payload = {reinterpret_cast<const char*>(raw->data()), raw->size()};
  return raw.has_value();
}

void Listener::sample(const Topic& topic, std::string_view value) {
  uint64_t& newest = newest_[topic.name];
  if (topic.sequence <= newest) return;
  newest = topic.sequence;
  came_[topic.name].push_back(told(topic.sequence, value));
}

}  // namespace smt::relay
