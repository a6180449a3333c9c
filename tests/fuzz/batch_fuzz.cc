// Batches and pieces of values in a session whose topics are known (libFuzzer; each message counts as an
// execution), against a reader of
// PROTOCOL.md written a second time: what it refuses ends the session, and what it takes, nothing else, is in
// the memory.

#include <zstd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "relay/session/session.h"
#include "tests/fuzz/bounds.h"
#include "tests/fuzz/script.h"
#include "tests/proto/batch_rows.h"
#include "tests/relay/link_mem.h"
#include "tests/relay/wire_topic.h"

namespace {

using namespace smt;
using fuzz::expect;
using proto::Envelope;

constexpr uint64_t kSession = 4711, kMaxBytes = 1 << 20;
constexpr size_t kMaxSteps = 16;
// Step::what, bits.
enum What : uint8_t {
  kChunk = 1,     // else a Batch
  kPacked = 2,    // the payload is compressed, and `raw_bytes` says so
  kFitting = 4,   // the payload is as long as the columns say
  kDamaged = 8,   // a bit of it is turned over, the one that `how` says
  kReport = 16,   // before it one that compares the clocks, so that values may count as late
  kAnnounce = 32  // before it the topics are announced again
};

std::span<const std::byte> byte_view(std::string_view s) { return std::as_bytes(std::span(s)); }

struct Known {
  uint64_t value_bytes = 0, max_bytes = 0;  // 0: any size
  bool every = false;
};
const std::map<uint32_t, Known> kKnown = {
    {3, {8, 8, false}}, {4, {0, 100, false}}, {5, {0, 100'000, false}}, {6, {0, 100, true}}};
std::string name_of(uint32_t id) { return "t/" + std::to_string(id); }

proto::Announce announced() {
  proto::Announce a;
  for (const auto& [id, known] : kKnown) {
    const Schema schema = known.value_bytes != 0 ? Schema::scalar(Type::kF64) : Schema::bytes();
    proto::Topic t = relay::wire_topic(id, name_of(id), known.max_bytes, schema);
    t.set_every(known.every);
    t.set_history(4);
    *a.add_topic() = t;
  }
  return a;
}

// --- the page once more

// What of a message is in the memory afterwards; and how far a value in pieces has come.
struct Model {
  struct Topic {
    uint64_t sequence = 0;  // that came last
    uint64_t held = 0;      // in memory, with `value`
    std::string value;
    bool arriving = false;
    uint64_t arriving_sequence = 0, arriving_size = 0;
    std::string arrived;
  };
  std::map<uint32_t, Topic> topics;

  void announce() {
    for (const auto& [id, known] : kKnown) {
      Topic& t = topics[id];
      t.sequence = 0;
      t.arriving = false;
    }
  }
  void put(Topic* t, std::string_view value) {
    if (t->sequence <= t->held) return;
    t->held = t->sequence;
    t->value = value;
  }
  // The number of a column that belongs to row `i`.
  template <class Column>
  static auto at(const Column& column, size_t i) {
    return column.Get(static_cast<int>(std::min(i, static_cast<size_t>(column.size()) - 1)));
  }
  // False: the session is over, and what was taken before stays.
  bool batch(const proto::Batch& b, std::string_view values) {
    const size_t rows = b.topics();
    if (rows < 1 || rows > 8192) return false;
    for (const int n : {b.id_size(), b.sequence_size(), b.stamp_ns_size(), b.age_ns_size()})
      if (n < 1 || static_cast<size_t>(n) > rows) return false;
    if (static_cast<size_t>(b.age_error_ns_size()) > rows || static_cast<size_t>(b.size_size()) > rows)
      return false;
    uint32_t id = 0;
    int size_at = 0;
    for (size_t i = 0; i < rows; ++i) {
      id += static_cast<uint32_t>(at(b.id(), i));
      const auto known = kKnown.find(id);
      if (known == kKnown.end()) return false;
      uint64_t size = known->second.value_bytes;
      if (size == 0) {
        if (size_at == b.size_size()) return false;
        size = b.size(size_at++);
      }
      if (size > values.size()) return false;
      Topic& t = topics[id];
      t.sequence += at(b.sequence(), i);
      if (t.sequence == 0 || t.arriving) return false;
      put(&t, values.substr(0, size));
      values.remove_prefix(size);
    }
    return values.empty() && size_at == b.size_size();
  }
  bool chunk(const proto::Chunk& c, std::string_view piece) {
    const auto known = kKnown.find(c.id());
    if (known == kKnown.end() || c.sequence() == 0 || c.size() > known->second.max_bytes) return false;
    if (known->second.value_bytes != 0 && c.size() != known->second.value_bytes) return false;
    Topic& t = topics[c.id()];
    if (c.offset() == 0) {
      t.arriving = true;
      t.arriving_sequence = c.sequence();
      t.arriving_size = c.size();
      t.arrived.clear();
    } else if (!t.arriving || c.sequence() != t.arriving_sequence || c.size() != t.arriving_size ||
               c.offset() != t.arrived.size()) {
      return false;
    }
    if (c.offset() + piece.size() > c.size()) return false;
    t.arrived += piece;
    if (t.arrived.size() < c.size()) return true;
    t.arriving = false;
    t.sequence = c.sequence();
    put(&t, t.arrived);
    return true;
  }
};

// --- the session

// What one session needs around it.
struct Bench {
  int64_t now_ns = 1'000'000'000'000;
  relay::MemStore store{kMaxBytes};
  relay::Counters counters;
  relay::Access access;
  relay::Outbound outbound{&store, &access, &counters.outbound};
  relay::Inbound inbound{&store, Id128{}, &counters.inbound};
  relay::MemNet net{&now_ns};
  std::unique_ptr<relay::Link> here = net.bind("mem://x"), there = net.dial("mem://x", "s");
  uint64_t number = 0;
  proto::BatchColumns columns;
  relay::Schedule schedule;
  std::optional<relay::Session> session;

  // A session whose topics are known; the one before, if any, has ended.
  void begin() {
    number = 0;
    session.reset();
    session.emplace(
        1, kSession, here.get(), "", relay::Session::Peer{}, relay::LinkOptions(), &outbound, &inbound,
        &schedule, [](const std::string&, const std::string&) {}, now_ns);
    announce();
  }
  void announce() {
    static const proto::Announce kAnnounced = announced();
    expect(hear(kAnnounced), "an announcement that is refused");
  }
  bool hear(const std::string& header, const std::string& payload) {
    Envelope e;
    expect(proto::open_message(byte_view(header), byte_view(payload), &e, &columns) == proto::Opened::kOk,
           "a message that is none");
    session->on_alive(now_ns);
    if (!session->check_sequence(e)) return false;
    return e.has_batch() ? session->on_batch(e.batch(), columns, byte_view(payload), now_ns)
                         : session->on_message(e, byte_view(payload), now_ns);
  }
  template <class Body>
  bool hear(const Body& body) {
    const bool counted = proto::kFieldOf<Body> != Envelope::kReportFieldNumber;
    return hear(proto::seal_message(kSession, counted ? ++number : 0, body), "");
  }
  void compare_clocks(int64_t rtt_ns) {
    proto::Report r;
    r.set_echo_sent_ns(static_cast<uint64_t>(now_ns - rtt_ns));
    r.set_echo_received_ns(static_cast<uint64_t>(now_ns - rtt_ns / 2));
    r.set_sent_ns(static_cast<uint64_t>(now_ns - rtt_ns / 2));
    expect(hear(r), "a report that is refused");
  }
};

std::string packed(const std::string& raw) {
  std::string out(ZSTD_compressBound(raw.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), 1));
  return out;
}
// As the receiver must read it; nothing: it is not what the message says.
std::optional<std::string> unpacked(const std::string& payload, uint64_t raw_bytes) {
  if (raw_bytes == 0) return payload;
  if (raw_bytes > 524'288) return std::nullopt;
  std::string out(raw_bytes, '\0');
  const size_t bytes = ZSTD_decompress(out.data(), out.size(), payload.data(), payload.size());
  if (ZSTD_isError(bytes) != 0 || bytes != raw_bytes) return std::nullopt;
  return out;
}

uint64_t value_bytes(const proto::Batch& b) {
  uint64_t bytes = 0;
  uint32_t id = 0;
  int size_at = 0;
  if (b.id_size() == 0) return 0;
  for (size_t i = 0; i < std::min<size_t>(b.topics(), 8192); ++i) {
    id += static_cast<uint32_t>(Model::at(b.id(), i));
    const auto known = kKnown.find(id);
    if (known == kKnown.end()) return bytes;
    if (known->second.value_bytes != 0) {
      bytes += known->second.value_bytes;
    } else if (size_at < b.size_size()) {
      bytes += std::min<uint64_t>(b.size(size_at++), 1 << 16);
    }
  }
  return std::min<uint64_t>(bytes, 1 << 16);
}

fuzz::Script good() {
  fuzz::Script good;
  const auto batch = [&](const std::vector<proto::BatchRow>& rows, std::vector<uint64_t> sizes,
                         const std::string& values, uint8_t what = 0) {
    proto::Batch b;
    proto::append_rows(rows, &b);
    for (const uint64_t size : sizes) b.add_size(size);
    b.set_sent_ns(999'900'000'000);
    good.push_back({what, 0, b.SerializeAsString(), values});
  };
  const auto chunk = [&](uint32_t id, uint64_t sequence, uint64_t size, uint64_t offset,
                         const std::string& piece, uint8_t what = 0) {
    proto::Chunk c;
    c.set_id(id);
    c.set_sequence(sequence);
    c.set_size(size);
    c.set_offset(offset);
    good.push_back({static_cast<uint8_t>(kChunk | what), 0, c.SerializeAsString(), piece});
  };
  batch({{3, 1, 10, 5}, {4, 1, 10, 5}, {5, 1, 9, 5}, {3, 1, 9, 5}}, {3, 0}, "AAAAAAAAabcBBBBBBBB");
  batch({{6, 1, 1, 1}, {6, 1, 1, 1}, {6, 2, 2, 1}}, {1, 1, 2}, "abcc");
  batch({{5, 1, 0, 0, 7}}, {40}, std::string(40, 'z'), kPacked | kReport);
  chunk(5, 7, 30, 0, std::string(10, 'a'));
  chunk(5, 7, 30, 10, std::string(20, 'b'), kPacked);
  batch({{4, 1, 0, 0}, {3, 1, 0, 0}}, {5}, "", kFitting | kAnnounce);
  return good;
}

// False: the session is over.
bool run_step(const fuzz::Step& s, Bench* bench, Model* model, bool* compared) {
  if ((s.what & kAnnounce) != 0) {
    bench->announce();
    model->announce();
  }
  if ((s.what & kReport) != 0) {
    bench->compare_clocks(1'000'000);
    *compared = true;
  }
  const bool is_chunk = (s.what & kChunk) != 0;
  proto::Batch batch;
  proto::Chunk chunk;
  // What protobuf refuses is no business of this one.
  if (!(is_chunk ? chunk.ParseFromString(s.body) : batch.ParseFromString(s.body))) return false;
  std::string payload = s.payload;
  if ((s.what & kFitting) != 0 && !is_chunk) payload.resize(value_bytes(batch), 'f');
  if ((s.what & kPacked) != 0) {
    (is_chunk ? chunk.set_raw_bytes(static_cast<uint32_t>(payload.size()))
              : batch.set_raw_bytes(static_cast<uint32_t>(payload.size())));
    if (!payload.empty()) payload = packed(payload);
  }
  const uint64_t hash = proto::payload_hash(byte_view(payload));
  std::string header = is_chunk ? proto::seal_message(kSession, ++bench->number, chunk, hash)
                                : proto::seal_message(kSession, ++bench->number, batch, hash);
  if ((s.what & kDamaged) != 0) {
    std::string damaged = payload;
    const size_t at = s.how * 31u % (header.size() + payload.size());
    char& c = at < header.size() ? header[at] : damaged[at - header.size()];
    c = static_cast<char>(c ^ 1 << s.how % 8);
    Envelope e;
    expect(proto::open_message(byte_view(header), byte_view(damaged), &e) != proto::Opened::kOk,
           "a damaged message is believed");
    return false;
  }
  const bool taken = bench->hear(header, payload);
  const auto raw = unpacked(payload, is_chunk ? chunk.raw_bytes() : batch.raw_bytes());
  const bool expected = raw && (is_chunk ? model->chunk(chunk, *raw) : model->batch(batch, *raw));
  expect(taken == expected, expected ? "what the page allows is refused" : "what the page refuses is taken");
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bench bench;
  Model model;
  bench.begin();
  model.announce();
  bool compared = false;
  for (const fuzz::Step& s : fuzz::read_script({data, size}, kMaxSteps)) {
    fuzz::executed();
    bench.now_ns += int64_t{s.how} * 1'000'000;
    if (run_step(s, &bench, &model, &compared)) continue;
    bench.begin();
    model.announce();
  }
  fuzz::expect_bounds(bench.store, kMaxBytes);
  bench.session->receiver().settle(bench.now_ns);
  // Of values that were late only the one that came last is written, whatever its number.
  for (const auto& [id, t] : model.topics) {
    const std::optional<uint32_t> handle = bench.store.find(name_of(id));
    expect(handle.has_value(), "an announced topic that is not there");
    const auto value = bench.store.value(*handle);
    const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
    expect(compared || bench.store.head(*handle).sequence == t.held, "a sample of another number");
    expect(compared || text == t.value, "a value that nobody sent");
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  static const fuzz::Script kGood = good();
  return fuzz::mutate_script(data, size, max_size, seed, kGood, kMaxSteps, true);
}
