// shm/LAYOUT.md and shm/layout.h say the same: each field's offset, each label, each number.
// Seeded bug that must make this file fail: swap two fields of layout::Record.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "shm/layout.h"
#include "tests/paths.h"
#include "tests/text.h"

namespace smt::layout {
namespace {

// "| 16 | size | u64 | ..." rows of the table after `heading`, up to the next blank line after it.
std::map<std::string, size_t> Offsets(const std::string& page, const std::string& heading) {
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
#define FIELD(f) want[#f] = offsetof(Header, f)
  FIELD(magic), FIELD(version), FIELD(endian), FIELD(size), FIELD(id), FIELD(retired), FIELD(closed), FIELD(zero);
  FIELD(header_bytes), FIELD(kind), FIELD(time_namespace), FIELD(boot_id), FIELD(node), FIELD(host), FIELD(zero2);
  FIELD(epoch), FIELD(pid), FIELD(started), FIELD(half_written), FIELD(keep), FIELD(reserved), FIELD(topic_limit);
  FIELD(directory_version), FIELD(block_count), FIELD(block), FIELD(word), FIELD(alive_until);
#undef FIELD
  EXPECT_EQ(Offsets(Contents(SourcePath("shm/LAYOUT.md")), "## Header"), want);
}

TEST(Layout, TheEntryTableIsTheEntry) {
  const std::map<std::string, size_t> want = {
      {"generation", offsetof(Entry, generation)}, {"record", offsetof(Entry, record)}, {"zero", offsetof(Entry, zero)}};
  EXPECT_EQ(Offsets(Contents(SourcePath("shm/LAYOUT.md")), "Entry, 32 bytes"), want);
}

TEST(Layout, TheRecordTableIsTheRecord) {
  std::map<std::string, size_t> want;
#define FIELD(f) want[#f] = offsetof(Record, f)
  FIELD(block_bytes), FIELD(generation), FIELD(topic_index), FIELD(slot_count), FIELD(slot_stride), FIELD(max_bytes);
  FIELD(first_position), FIELD(first_sequence), FIELD(schema_offset), FIELD(schema_hash), FIELD(origin_offset);
  FIELD(name_bytes), FIELD(variable), FIELD(max_age_ns), FIELD(epoch), FIELD(state), FIELD(hops);
  FIELD(delay_ns), FIELD(age_error_ns);
#undef FIELD
  EXPECT_EQ(Offsets(Contents(SourcePath("shm/LAYOUT.md")), "Record, 128 bytes"), want);
}

TEST(Layout, TheSlotTableIsTheSlot) {
  const std::map<std::string, size_t> want = {
      {"lock", offsetof(Slot, lock)},   {"sequence", offsetof(Slot, sequence)}, {"stamp", offsetof(Slot, stamp)},
      {"born", offsetof(Slot, born)},   {"written", offsetof(Slot, written)},   {"bytes", offsetof(Slot, bytes)}};
  EXPECT_EQ(Offsets(Contents(SourcePath("shm/LAYOUT.md")), "Slot, 48 bytes"), want);
}

TEST(Layout, ThePageNamesTheVersionAndTheSizes) {
  const std::string page = Contents(SourcePath("shm/LAYOUT.md"));
  EXPECT_NE(page.find("# The memory layout of libsmt, version " + std::to_string(kLayoutVersion) + "\n"),
            std::string::npos);
  EXPECT_NE(page.find("(offset 0, " + std::to_string(sizeof(Header)) + " bytes used of " + std::to_string(kHeaderBytes)),
            std::string::npos);
  EXPECT_NE(page.find("u64[" + std::to_string(kBlocks) + "]"), std::string::npos);
  EXPECT_EQ(sizeof(Entry), 32u);
  EXPECT_EQ(sizeof(Record), 128u);
  EXPECT_EQ(sizeof(Slot), 48u);
  EXPECT_EQ(sizeof(Origin), 256u);
  EXPECT_NE(Contents(SourcePath("CHANGELOG.md")).find("Layout version " + std::to_string(kLayoutVersion)), std::string::npos)
      << "a new layout version is a line in CHANGELOG.md";
}

TEST(Layout, EveryOrderingOfThePageIsInTheCodeAndTheOtherWayRound) {
  const auto labels = [](const std::string& text) {
    std::map<std::string, bool> found;
    static const std::regex kLabel(R"((SLOT|HEAD|GEN|RESERVED|BLOCK|LIMIT|DIR|EPOCH|CLOSED|BELL)-[WRPAX]?[0-9]?\b)");
    for (std::sregex_iterator it(text.begin(), text.end(), kLabel), end; it != end; ++it) found[it->str()] = true;
    return found;
  };
  EXPECT_EQ(labels(Contents(SourcePath("shm/LAYOUT.md"))), labels(Contents(SourcePath("shm/ordering.h"))));
}

TEST(Layout, ATopicsBlockAndPlaceCoverEveryIndexOnce) {
  uint32_t block = 0, place = 0;
  for (uint32_t i = 0; i < kMaxTopics; ++i) {
    ASSERT_EQ(BlockOf(i), block) << i;
    ASSERT_EQ(PlaceOf(i), place) << i;
    if (++place == BlockTopics(block)) ++block, place = 0;
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
