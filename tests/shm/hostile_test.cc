// Segments whose bytes cannot be true: refused with a sentence or read as what they are, always quickly, and
// without harm to the other nodes of the domain.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>

#include "shm/layout.h"
#include "shm/mapping.h"
#include "shm/record.h"
#include "tests/fuzz/explore.h"
#include "tests/fuzz/images.h"
#include "tests/row.h"
#include "tests/scale.h"
#include "tests/shm/shm_fixture.h"

namespace smt {

namespace {

using testing::HasSubstr;

constexpr int64_t kLimitNs = 10'000'000;

uint64_t next_random() {
  static uint64_t state = 0x9e3779b97f4a7c15;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

}  // namespace

class HostileTest : public ShmTest {
 protected:
  // A second, writable mapping of a node's segment.
  Mapping scribble(const std::string& node) {
    const Fd fd(open(file(node).c_str(), O_RDWR | O_CLOEXEC));
    struct stat st;
    EXPECT_EQ(fstat(fd.get(), &st), 0);
    Result<Mapping> mapping = Mapping::map(fd.get(), static_cast<uint64_t>(st.st_size), true);
    EXPECT_TRUE(mapping.ok()) << mapping.status().message();
    return std::move(*mapping);
  }

  // Explores until an exploration is quick, as a busy machine may make anything slow once.
  Explored read_everything() {
    Explored total;
    for (int attempt = 0; attempt < 5; ++attempt) {
      Explored one;
      read_all(root_, &one);
      total = one;
      if (one.slowest_ns <= kLimitNs) break;
    }
    EXPECT_EQ(total.wrong, "");
    EXPECT_LE(total.slowest_ns, kLimitNs) << total.slowest;
    return total;
  }
};

TEST_F(HostileTest, ASingleFlippedBitInALiveSegmentNeitherCrashesNorHoldsUpAReader) {
  Domain d = open_domain();
  auto node = open_node(d, kVictim, {.segment_bytes = 64 << 10});
  Publisher fixed = advertise(*node, "a", {.schema = Schema::scalar(Type::kF64)});
  Publisher variable = advertise(*node, "b", {.history = 8});
  const double value = 1.5;
  const auto publish = [&] {
    SMT_ASSERT_OK(fixed.publish(std::as_bytes(std::span(&value, 1))));
    publish_value(variable, "some text");
  };
  publish();
  const Mapping segment = scribble(kVictim);
  const std::vector<uint32_t> structure = structure_of(segment.data());
  const uint64_t backed = node->reserved_bytes();
  std::vector<Reader> readers;  // which were there before the damage
  readers.push_back(open_reader(d, "a"));
  readers.push_back(open_reader(d, "b"));

  Explored before;
  for (Reader& r : readers) read_on(&r, &before);
  ASSERT_GT(before.samples, 2u);

  const uint64_t flips = Scale::get().scaled(10'000, 100'000);
  uint64_t opened = 0, refused = 0, samples = 0;
  int64_t slowest_ns = 0;
  for (uint64_t i = 0; i < flips; ++i) {
    // Half of the flips where it matters most, half anywhere that readers look.
    const uint64_t offset =
        i % 2 == 0 ? structure[next_random() % structure.size()] : next_random() % (backed / 8) * 8;
    auto* word = reinterpret_cast<layout::Word*>(segment.data() + offset);
    const uint64_t good = word->load(std::memory_order_relaxed);
    uint64_t flipped = good ^ (uint64_t{1} << next_random() % 64);
    word->store(flipped, std::memory_order_relaxed);
    publish();
    Explored on;
    for (Reader& r : readers) read_on(&r, &on);
    ASSERT_EQ(on.wrong, "");
    ASSERT_LE(on.slowest_ns, 10 * kLimitNs);
    const Explored all = read_everything();
    slowest_ns = std::max(slowest_ns, all.slowest_ns);
    opened += all.segments;
    refused += 1 - all.segments;
    samples += on.samples + all.samples;
    // Back again, unless the writer has written it over meanwhile.
    word->compare_exchange_strong(flipped, good, std::memory_order_relaxed);
    if (HasFailure()) FAIL() << "bit flip " << i << " at offset " << offset;
  }
  printf("%lu flips: %lu times the segment was opened, %lu times refused; %lu samples\n", flips, opened,
         refused, samples);
  print_row(Row{.id = "L7",
                .what = "bits flipped in a live segment",
                .n = flips,
                .max_ms = static_cast<double>(slowest_ns) / 1e6});
  EXPECT_GT(opened, 0u);
  EXPECT_GT(refused, 0u);

  // Nothing of it lasts.
  SMT_ASSERT_OK(fixed.publish(std::as_bytes(std::span(&value, 1))));
  publish_value(variable, "after all");
  Result<Domain> fresh = Domain::open({.root = root_, .domain = "d"});
  EXPECT_EQ(text_of(open_reader(*fresh, "b").latest()), "after all");
  // But for what a process noted of the directory while it was wrong: that goes when the directory moves on.
  Publisher next = advertise(*node, "c");
  for (Reader& r : readers) {
    SMT_ASSERT_OK(r.refresh());
    EXPECT_NE(r.latest(), nullptr) << r.topic();
  }
  EXPECT_EQ(text_of(readers[1].latest()), "after all");
}

// A segment made of words that cannot be true, written into a good one of topics a, b/pose, c and d.
struct Hostile {
  const char* what;
  enum Where { kHeader, kEntry, kRecord, kSlot, kCounter, kBlob } where;
  size_t offset;
  uint64_t value;
  int bytes;
  const char* problem;  // what the listing says of it; "" = nothing, the topic is there
  bool fitting =
      false;  // the record's stride and length are made to fit the damage, so that nothing else is wrong
};

constexpr uint64_t kAll = ~uint64_t{0};

const Hostile kHostile[] = {
    {"bad magic", Hostile::kHeader, offsetof(layout::Header, magic), 7, 8, "SSMTSEG1"},
    {"another version", Hostile::kHeader, offsetof(layout::Header, version), 2, 4, "layout version 2"},
    {"another byte order", Hostile::kHeader, offsetof(layout::Header, endian), 0x04030201, 4, "byte order"},
    {"a larger size", Hostile::kHeader, offsetof(layout::Header, size), 1 << 30, 8, "bytes, its header says"},
    {"a huge size", Hostile::kHeader, offsetof(layout::Header, size), kAll, 8, "its header says"},
    {"a smaller size", Hostile::kHeader, offsetof(layout::Header, size), 64 << 10, 8,
     "bytes, its header says"},
    {"no size", Hostile::kHeader, offsetof(layout::Header, size), 0, 8, "its header says"},
    {"a longer header", Hostile::kHeader, offsetof(layout::Header, header_bytes), 8192, 4, "8192 bytes"},
    {"an unknown kind", Hostile::kHeader, offsetof(layout::Header, kind), 2, 4, "unknown kind"},
    {"another node's name", Hostile::kHeader, offsetof(layout::Header, node), 'm', 8, "belongs to node 'm'"},
    {"no reserved memory", Hostile::kHeader, offsetof(layout::Header, reserved), 0, 8, "not reserved"},
    {"reserved beyond the file", Hostile::kHeader, offsetof(layout::Header, reserved), 1 << 20, 8,
     "not reserved"},
    {"all memory reserved and more", Hostile::kHeader, offsetof(layout::Header, reserved), kAll, 8,
     "not reserved"},
    {"topics without end", Hostile::kHeader, offsetof(layout::Header, topic_limit), kAll, 8, ""},
    {"no directory block", Hostile::kHeader, offsetof(layout::Header, block), 0, 8, "(gone)"},
    {"a block beyond the file", Hostile::kHeader, offsetof(layout::Header, block), 128 << 10, 8, "(gone)"},
    {"a block at the end of numbers", Hostile::kHeader, offsetof(layout::Header, block), kAll - 63, 8,
     "(gone)"},
    {"a crooked block", Hostile::kHeader, offsetof(layout::Header, block), 4096 + 8, 8, "(gone)"},
    {"a block in the header", Hostile::kHeader, offsetof(layout::Header, block), 0x200, 8, "(gone)"},
    {"a record beyond the file", Hostile::kEntry, offsetof(layout::Entry, record), 128 << 10, 8, "damaged"},
    {"a record at the end of numbers", Hostile::kEntry, offsetof(layout::Entry, record), kAll - 63, 8,
     "damaged"},
    {"a crooked record", Hostile::kEntry, offsetof(layout::Entry, record), 8192 + 8, 8, "damaged"},
    {"a record in the header", Hostile::kEntry, offsetof(layout::Entry, record), 64, 8, "damaged"},
    {"an entry that is its own record", Hostile::kEntry, offsetof(layout::Entry, record), 4096 + 512, 8,
     "damaged"},
    {"another generation", Hostile::kEntry, offsetof(layout::Entry, generation), 5, 8, "damaged"},
    {"a dead generation", Hostile::kEntry, offsetof(layout::Entry, generation), kAll - 1, 8, "(gone)"},
    {"a block of another length", Hostile::kRecord, offsetof(layout::Record, block_bytes), 64, 8, "damaged"},
    {"another topic's record", Hostile::kRecord, offsetof(layout::Record, topic_index), 1, 4, "damaged"},
    {"no slots", Hostile::kRecord, offsetof(layout::Record, slot_count), 0, 4, "damaged"},
    {"three slots", Hostile::kRecord, offsetof(layout::Record, slot_count), 3, 4, "damaged"},
    {"five slots", Hostile::kRecord, offsetof(layout::Record, slot_count), 5, 4, "damaged"},
    {"slots without end", Hostile::kRecord, offsetof(layout::Record, slot_count), 1u << 31, 4, "damaged"},
    {"slots on top of each other", Hostile::kRecord, offsetof(layout::Record, slot_stride), 0, 8, "damaged"},
    {"slots smaller than values", Hostile::kRecord, offsetof(layout::Record, slot_stride), 64, 8, "damaged"},
    {"a stride that overflows", Hostile::kRecord, offsetof(layout::Record, slot_stride), kAll - 63, 8,
     "damaged"},
    {"values beyond the file", Hostile::kRecord, offsetof(layout::Record, max_bytes), 1 << 20, 8, "damaged"},
    {"values without end", Hostile::kRecord, offsetof(layout::Record, max_bytes), kAll, 8, "damaged"},
    {"no slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 0, 4, "damaged", true},
    {"two slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 2, 4, "damaged", true},
    {"three slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 3, 4, "damaged", true},
    {"five slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 5, 4, "damaged", true},
    {"too many slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 1 << 12, 4, "damaged",
     true},
    {"many slots, fitting", Hostile::kRecord, offsetof(layout::Record, slot_count), 1 << 24, 4, "damaged",
     true},
    {"large values, fitting", Hostile::kRecord, offsetof(layout::Record, max_bytes), 60'000, 8, "damaged",
     true},
    {"huge values, fitting", Hostile::kRecord, offsetof(layout::Record, max_bytes), uint64_t{1} << 62, 8,
     "damaged", true},
    {"endless values, fitting", Hostile::kRecord, offsetof(layout::Record, max_bytes), kAll, 8, "damaged",
     true},
    {"a long name, fitting", Hostile::kRecord, offsetof(layout::Record, name_bytes), 256, 4, "damaged", true},
    {"no name, fitting", Hostile::kRecord, offsetof(layout::Record, name_bytes), 0, 4, "damaged", true},
    {"no first position", Hostile::kRecord, offsetof(layout::Record, first_position), 0, 8, "damaged"},
    {"a first position far ahead", Hostile::kRecord, offsetof(layout::Record, first_position), kAll, 8, ""},
    {"a schema beyond the file", Hostile::kRecord, offsetof(layout::Record, schema_offset), 1 << 20, 8,
     "schema"},
    {"a crooked schema", Hostile::kRecord, offsetof(layout::Record, schema_offset), 8192 + 8, 8, "schema"},
    {"a record as its schema", Hostile::kRecord, offsetof(layout::Record, schema_offset), 0, 0, "schema"},
    {"another schema's hash", Hostile::kRecord, offsetof(layout::Record, schema_hash), 1, 8, "schema"},
    {"an origin beyond the file", Hostile::kRecord, offsetof(layout::Record, origin_offset), 1 << 20, 8, ""},
    {"no name", Hostile::kRecord, offsetof(layout::Record, name_bytes), 0, 4, "damaged"},
    {"a name without end", Hostile::kRecord, offsetof(layout::Record, name_bytes), kAll, 4, "damaged"},
    {"a name longer than names are", Hostile::kRecord, offsetof(layout::Record, name_bytes), 256, 4,
     "damaged"},
    {"a name with a line end", Hostile::kRecord, sizeof(layout::Record), '\n', 1, "damaged"},
    {"neither fixed nor variable", Hostile::kRecord, offsetof(layout::Record, variable), 2, 4, "damaged"},
    {"a schema without end", Hostile::kBlob, offsetof(layout::Blob, bytes), kAll, 8, "schema"},
    {"a schema of nothing", Hostile::kBlob, offsetof(layout::Blob, bytes), 0, 8, "schema"},
    {"a schema that says something else", Hostile::kBlob, sizeof(layout::Blob), 'x', 1, "schema"},
    {"a head far ahead", Hostile::kCounter, 0, uint64_t{1} << 40, 8, ""},
    {"a head at the end of numbers", Hostile::kCounter, 0, kAll, 8, ""},
    {"a sample larger than samples are", Hostile::kSlot, offsetof(layout::Slot, bytes), 1 << 20, 8, ""},
    {"a sample without end", Hostile::kSlot, offsetof(layout::Slot, bytes), kAll, 8, ""},
    {"a sample born before all time", Hostile::kSlot, offsetof(layout::Slot, born), uint64_t{1} << 63, 8, ""},
    {"a sample that is being written for ever", Hostile::kSlot, offsetof(layout::Slot, lock), 3, 8, ""},
};

// Where things are in a segment with one topic in the first entry.
size_t place(const std::byte* segment, Hostile::Where where) {
  const auto u64 = [&](size_t offset) {
    uint64_t value;
    memcpy(&value, segment + offset, sizeof value);
    return static_cast<size_t>(value);
  };
  const size_t block = u64(offsetof(layout::Header, block));
  const size_t entry = block + layout::block_topics(0) * sizeof(layout::Word);
  const size_t record = u64(entry + offsetof(layout::Entry, record));
  const size_t head = u64(block);
  switch (where) {
    case Hostile::kHeader:
      return 0;
    case Hostile::kCounter:
      return block;
    case Hostile::kEntry:
      return entry;
    case Hostile::kRecord:
      return record;
    case Hostile::kBlob:
      return u64(record + offsetof(layout::Record, schema_offset));
    case Hostile::kSlot:
      return record + layout::ring_offset(1) + head % 4 * u64(record + offsetof(layout::Record, slot_stride));
  }
  return 0;
}

TEST_F(HostileTest, WhatCannotBeTrueIsSaidAndTheOtherNodesGoOn) {
  Domain d = open_domain();
  auto good = open_node(d, "good");
  Publisher p = advertise(*good, "good");
  publish_value(p, "good");
  for (const Hostile& c : kHostile) {
    SCOPED_TRACE(c.what);
    {
      // Generation 1 and record[0], because nothing was there before.
      auto node = open_node(d, kVictim, {.segment_bytes = 128 << 10, .remove_on_exit = false});
      Publisher a = advertise(*node, "a", {.schema = Schema::scalar(Type::kU8, 40, true)});
      const std::string value(40, 'v');
      for (int i = 0; i < 3; ++i) publish_value(a, value);
    }
    {
      const Mapping segment = scribble(kVictim);
      const size_t at = place(segment.data(), c.where) + c.offset;
      const uint64_t own_record = place(segment.data(), Hostile::kRecord);
      const uint64_t value = c.bytes == 0 ? own_record : c.value;
      memcpy(segment.data() + at, &value, c.bytes == 0 ? 8 : static_cast<size_t>(c.bytes));
      auto* record = reinterpret_cast<layout::Record*>(segment.data() + own_record);
      if (c.fitting) {
        record->slot_stride = layout::slot_stride(record->max_bytes);
        record->block_bytes =
            layout::ring_offset(record->name_bytes) + record->slot_count * record->slot_stride;
      }
    }
    read_everything();

    Result<Domain> fresh = Domain::open({.root = root_, .domain = "d"});
    Result<DomainListing> listing = list_topics(*fresh);
    ASSERT_TRUE(listing.ok()) << listing.status().message();
    std::vector<std::string> names;
    for (const TopicInfo& t : listing->topics) names.push_back(t.name);
    EXPECT_THAT(names, testing::Contains("good"));
    if (c.problem == std::string("(gone)")) {
      EXPECT_THAT(names, testing::ElementsAre("good"));
    } else if (c.problem == std::string("")) {
      EXPECT_THAT(names, testing::ElementsAre("a", "good"));
    } else {
      EXPECT_THAT(names, testing::ElementsAre("good"));
      ASSERT_EQ(listing->problems.size(), 1u);
      EXPECT_THAT(listing->problems[0], HasSubstr(c.problem));
      EXPECT_THAT(listing->problems[0], HasSubstr(kVictim));
    }

    Explored adopted;
    adopt_and_publish(root_, &adopted);
    EXPECT_EQ(adopted.wrong, "");
    std::filesystem::remove(file(kVictim));
    if (HasFailure()) return;
  }
}

// Larger than any file here, but not than a segment may be: slots that end where they begin once 64 bits are
// full.
TEST_F(HostileTest, SlotsThatOverflowAllNumbersAreDamage) {
  alignas(4096) std::array<layout::Word, 1024> segment{};
  layout::Record record{};
  record.generation = 1;
  record.slot_count = layout::kMaxSlots;
  record.slot_stride = (uint64_t{1} << 63) / layout::kMaxSlots * 2;
  record.max_bytes = record.slot_stride - sizeof(layout::Slot);
  record.first_position = record.first_sequence = 1;
  record.name_bytes = 1;
  record.block_bytes = layout::ring_offset(1);
  layout::Word* at = &segment[layout::kHeaderBytes / sizeof(layout::Word)];
  store_words(at, &record, sizeof record);
  store_words(at + sizeof record / sizeof(layout::Word), "a", 1);
  layout::Entry entry{};
  write_word(&entry.record[0], layout::kHeaderBytes);
  publish_entry(&entry, 1);
  TopicFields copy;
  EXPECT_EQ(read_record(reinterpret_cast<const std::byte*>(segment.data()), layout::kMaxSegmentBytes, &entry,
                        0, &copy),
            RecordRead::kDamaged);
}

// The same image as a whole file that is shorter, longer, empty, or full of one byte.
TEST_F(HostileTest, FilesOfAnyLengthAreRefusedOrRead) {
  Domain d = open_domain();
  for (const Image& image : make_images(d)) {
    for (const off_t bytes : {0, 1, 63, 64, 4095, 4096, 8192, 65535}) {
      SCOPED_TRACE(image.what + " cut to " + std::to_string(bytes));
      const Fd fd(open(file(kVictim).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      ASSERT_EQ(pwrite(fd.get(), image.bytes.data(), static_cast<size_t>(bytes), 0), bytes);
      EXPECT_EQ(read_everything().segments, 0u);
    }
  }
  for (const char fill : {'\0', '\x01', '\x7f', '\xff'}) {
    SCOPED_TRACE(static_cast<int>(fill));
    const std::string bytes(64 << 10, fill);
    const Fd fd(open(file(kVictim).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    ASSERT_EQ(pwrite(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(read_everything().segments, 0u);
    Explored adopted;
    adopt_and_publish(root_, &adopted);
    EXPECT_EQ(adopted.wrong, "");
  }
}

}  // namespace smt
