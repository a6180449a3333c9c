#include "tests/fuzz/images.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <set>

#include "shm/layout.h"
#include "shm/node.h"
#include "tests/text.h"

namespace smt {

namespace {

template <class T>
T check(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::cerr << result.status().message() << '\n';
  std::abort();
}

void check(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.message() << '\n';
  std::abort();
}

void publish(Publisher* publisher, size_t bytes, char fill) {
  const std::string value(bytes, fill);
  check(publisher->publish(std::as_bytes(std::span(value))));
}

Image make(const Domain& domain, const std::string& what, uint64_t segment_bytes, bool mirror,
           const std::function<void(Node*)>& fill) {
  const std::string file = domain.path() + "/" + kVictim;
  {
    auto node =
        check(Node::open(domain, {.name = kVictim, .segment_bytes = segment_bytes, .mirror = mirror}));
    fill(node.get());
  }
  Image image;
  image.what = what;
  const std::string bytes = contents(file);
  image.bytes.resize(bytes.size());
  memcpy(image.bytes.data(), bytes.data(), bytes.size());
  image.structure = structure_of(image.bytes.data());
  remove(file.c_str());
  remove((file + ".bell").c_str());
  return image;
}

void one_topic(Node* node) {
  Publisher p = check(node->advertise({.name = "a", .schema = Schema::scalar(Type::kF64)}));
  for (int i = 0; i < 6; ++i) publish(&p, 8, static_cast<char>(i));
}

// Variable and fixed sizes, one grown, one removed whose memory is used again, one empty.
void many_topics(Node* node) {
  Publisher a = check(node->advertise({.name = "a", .history = 8}));
  for (size_t i = 0; i < 12; ++i) publish(&a, 10 * i, 'a');
  {
    Publisher gone = check(node->advertise({.name = "gone", .max_bytes = 512}));
    publish(&gone, 512, 'g');
  }
  check(node->remove("gone"));
  const Schema pose{"Pose", 24, {{"t", Type::kU64, 0, 1, "us"}, {"q", Type::kF32, 8, 4, ""}}};
  Publisher b = check(node->advertise({.name = "b/pose", .schema = pose, .max_age_ns = 1'000'000'000}));
  publish(&b, 24, 'b');
  Publisher c = check(node->advertise({.name = "c", .schema = Schema::string()}));
  Publisher d =
      check(node->advertise({.name = "d", .schema = Schema::scalar(Type::kU8, 200, true), .history = 4}));
  for (int i = 0; i < 3; ++i) publish(&d, 200, 'd');
  { Result<Loan> half_written = d.loan(200); }
}

void start_mirror(Node* node) {
  TopicOrigin origin;
  origin.origin_id[0] = 1;
  origin.segment_id[0] = 2;
  origin.host = "robot";
  origin.domain = "default";
  origin.node = "driver";
  Publisher a = check(node->advertise({.name = "a", .origin = origin, .hops = 2, .first_sequence = 100}));
  const std::string value = "mirrored";
  check(a.publish(std::as_bytes(std::span(value)), SampleHead{105, 1, 2, 3}));
  a.set_state(State::kStale);
  node->keep_alive(INT64_MAX);
}

// More topics than the first directory block has room for, most of them removed.
void two_blocks(Node* node) {
  const auto name = [](int i) { return "a/" + std::to_string(i); };
  for (int i = 0; i < 66; ++i) {
    Publisher p = check(node->advertise({.name = name(i), .schema = Schema::scalar(Type::kU8)}));
    publish(&p, 1, 'x');
  }
  for (int i = 1; i < 64; ++i) check(node->remove(name(i)));
}

}  // namespace

std::vector<Image> make_images(const Domain& domain) {
  return {
      make(domain, "no topic", 64 << 10, false, [](Node*) {}),
      make(domain, "one topic", 64 << 10, false, one_topic),
      make(domain, "many topics", 128 << 10, false, many_topics),
      make(domain, "mirror", 64 << 10, true, start_mirror),
      make(domain, "two directory blocks", 256 << 10, false, two_blocks),
  };
}

std::vector<uint32_t> structure_of(const std::byte* segment) {
  using namespace layout;
  std::set<uint32_t> words;
  const auto add = [&](uint64_t offset, uint64_t bytes) {
    for (uint64_t at = offset / 8 * 8; at < offset + bytes; at += 8) words.insert(static_cast<uint32_t>(at));
  };
  const auto u64 = [&](uint64_t offset) {
    uint64_t value;
    memcpy(&value, segment + offset, sizeof value);
    return value;
  };
  add(0, sizeof(Header));
  const uint64_t limit = u64(offsetof(Header, topic_limit));
  for (uint32_t i = 0; i < limit; ++i) {
    const uint64_t block = u64(offsetof(Header, block) + 8 * block_of(i));
    const uint64_t entry = block + block_topics(block_of(i)) * sizeof(Word) + place_of(i) * sizeof(Entry);
    add(block + place_of(i) * sizeof(Word), sizeof(Word));
    add(entry, sizeof(Entry));
    const uint64_t generation = u64(entry + offsetof(Entry, generation));
    if (generation % 2 == 0) continue;
    const uint64_t record = u64(entry + offsetof(Entry, record) + 8 * (generation / 2 % 2));
    const uint64_t name_bytes = u64(record + offsetof(Record, name_bytes)) & 0xffffffff;
    add(record, sizeof(Record) + name_bytes);
    const uint64_t slots = u64(record + offsetof(Record, topic_index)) >> 32;
    for (uint64_t s = 0; s < slots && s < 8; ++s) {
      add(record + ring_offset(name_bytes) + s * u64(record + offsetof(Record, slot_stride)), sizeof(Slot));
    }
    const uint64_t schema = u64(record + offsetof(Record, schema_offset));
    add(schema, u64(schema));
    if (const uint64_t origin = u64(record + offsetof(Record, origin_offset)); origin != 0) {
      add(origin, sizeof(Origin));
    }
  }
  return {words.begin(), words.end()};
}

std::vector<uint64_t> interesting_values(const Image& image) {
  std::set<uint64_t> values = {0x01020304, 0x0000000400000000, 0x8000000000000000, 0x7ff0000000000000};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    values.insert({power - 1, power, power + 1, uint64_t{0} - power});
  }
  const uint64_t size = image.bytes.size();
  values.insert({size - 64, size - 1, size, size + 64, layout::kHeaderBytes - 64});
  for (const uint32_t at : image.structure) {
    uint64_t value;
    memcpy(&value, image.bytes.data() + at, sizeof value);
    values.insert(
        {value, value + 1, value - 1, value ^ (uint64_t{1} << 32), uint64_t{at}, uint64_t{at} / 64 * 64});
  }
  return {values.begin(), values.end()};
}

}  // namespace smt
