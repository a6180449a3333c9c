// shm/LAYOUT.md and shm/layout.h say the same: each field's offset, each label, each number.
#include "shm/layout.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "tests/paths.h"
#include "tests/text.h"

namespace smt::layout {
namespace {

// "| 16 | size | u64 | ..." rows of the table after `heading`, up to the next blank line after it.
std::map<std::string, size_t> offsets(const std::string& page, const std::string& heading) {
  std::map<std::string, size_t> rows;
  const size_t begin = page.find(heading);
  EXPECT_NE(begin, std::string::npos) << heading;
  std::istringstream lines(page.substr(begin));
  static const std::regex kRow(R"(^\| (\d+) \| (\w+) \|.*)");
  bool in_table = false;
  for (std::string line; std::getline(lines, line);) {
    std::smatch m;
    if (std::regex_match(line, m, kRow)) {
      in_table = true;
      rows[m[2]] = std::stoul(m[1]);
    } else if (in_table && line.empty()) {
      break;
    }
  }
  return rows;
}

TEST(Layout, TheHeaderTableIsTheHeader) {
  std::map<std::string, size_t> want;
#define SMT_FIELD(f) want[#f] = offsetof(Header, f)
  SMT_FIELD(magic), SMT_FIELD(version), SMT_FIELD(endian), SMT_FIELD(size), SMT_FIELD(id), SMT_FIELD(retired),
      SMT_FIELD(closed), SMT_FIELD(zero);
  SMT_FIELD(header_bytes), SMT_FIELD(kind), SMT_FIELD(time_namespace), SMT_FIELD(boot_id), SMT_FIELD(node),
      SMT_FIELD(host), SMT_FIELD(predecessor), SMT_FIELD(zero2);
  SMT_FIELD(epoch), SMT_FIELD(pid), SMT_FIELD(started), SMT_FIELD(half_written), SMT_FIELD(keep),
      SMT_FIELD(reserved), SMT_FIELD(topic_limit);
  SMT_FIELD(directory_version), SMT_FIELD(block_count), SMT_FIELD(block), SMT_FIELD(word),
      SMT_FIELD(alive_until);
#undef SMT_FIELD
  EXPECT_EQ(offsets(contents(source_path("shm/LAYOUT.md")), "## Header"), want);
}

TEST(Layout, TheEntryTableIsTheEntry) {
  const std::map<std::string, size_t> want = {{"generation", offsetof(Entry, generation)},
                                              {"record", offsetof(Entry, record)},
                                              {"zero", offsetof(Entry, zero)}};
  EXPECT_EQ(offsets(contents(source_path("shm/LAYOUT.md")), "Entry, 32 bytes"), want);
}

TEST(Layout, TheRecordTableIsTheRecord) {
  std::map<std::string, size_t> want;
#define SMT_FIELD(f) want[#f] = offsetof(Record, f)
  SMT_FIELD(block_bytes), SMT_FIELD(generation), SMT_FIELD(topic_index), SMT_FIELD(slot_count),
      SMT_FIELD(slot_stride), SMT_FIELD(max_bytes);
  SMT_FIELD(first_position), SMT_FIELD(first_sequence), SMT_FIELD(schema_offset), SMT_FIELD(schema_hash),
      SMT_FIELD(origin_offset);
  SMT_FIELD(name_bytes), SMT_FIELD(variable), SMT_FIELD(max_age_ns), SMT_FIELD(epoch), SMT_FIELD(state),
      SMT_FIELD(hops);
  SMT_FIELD(delay_ns), SMT_FIELD(age_error_ns);
#undef SMT_FIELD
  EXPECT_EQ(offsets(contents(source_path("shm/LAYOUT.md")), "Record, 128 bytes"), want);
}

TEST(Layout, TheSlotTableIsTheSlot) {
  const std::map<std::string, size_t> want = {
      {"lock", offsetof(Slot, lock)},       {"sequence", offsetof(Slot, sequence)},
      {"stamp", offsetof(Slot, stamp)},     {"born", offsetof(Slot, born)},
      {"written", offsetof(Slot, written)}, {"bytes", offsetof(Slot, bytes)}};
  EXPECT_EQ(offsets(contents(source_path("shm/LAYOUT.md")), "Slot, 48 bytes"), want);
}

TEST(Layout, ThePageNamesTheVersionAndTheSizes) {
  const std::string page = contents(source_path("shm/LAYOUT.md"));
  EXPECT_NE(page.find("# The memory layout of libsmt, version " + std::to_string(kLayoutVersion) + "\n"),
            std::string::npos);
  EXPECT_NE(page.find("(offset 0, " + std::to_string(sizeof(Header)) + " bytes used of " +
                      std::to_string(kHeaderBytes)),
            std::string::npos);
  EXPECT_NE(page.find("u64[" + std::to_string(kBlocks) + "]"), std::string::npos);
  EXPECT_EQ(sizeof(Entry), 32u);
  EXPECT_EQ(sizeof(Record), 128u);
  EXPECT_EQ(sizeof(Slot), 48u);
  EXPECT_EQ(sizeof(Origin), 256u);
  EXPECT_NE(contents(source_path("CHANGELOG.md")).find("Layout version " + std::to_string(kLayoutVersion)),
            std::string::npos)
      << "a new layout version is a line in CHANGELOG.md";
}

TEST(Layout, EveryOrderingOfThePageIsInTheCodeAndTheOtherWayRound) {
  const auto labels = [](const std::string& text) {
    std::map<std::string, bool> found;
    static const std::regex kLabel(
        R"((SLOT|HEAD|GEN|RESERVED|BLOCK|LIMIT|DIR|EPOCH|CLOSED|BELL)-[WRPAX]?[0-9]?\b)");
    for (std::sregex_iterator it(text.begin(), text.end(), kLabel), end; it != end; ++it)
      found[it->str()] = true;
    return found;
  };
  EXPECT_EQ(labels(contents(source_path("shm/LAYOUT.md"))), labels(contents(source_path("shm/ordering.h"))));
}

TEST(Layout, ATopicsBlockAndPlaceCoverEveryIndexOnce) {
  uint32_t block = 0, place = 0;
  for (uint32_t i = 0; i < kMaxTopics; ++i) {
    ASSERT_EQ(block_of(i), block) << i;
    ASSERT_EQ(place_of(i), place) << i;
    if (++place == block_topics(block)) ++block, place = 0;
  }
  EXPECT_EQ(block, kBlocks);
}

TEST(Layout, MagicIsReadableInTheFile) {
  char text[9] = {};
  memcpy(text, &kMagic, 8);
  EXPECT_STREQ(text, "SSMTSEG1");
}

}  // namespace
}  // namespace smt::layout
