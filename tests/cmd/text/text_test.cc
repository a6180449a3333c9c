// Numbers as people read and write them.
#include "cmd/text/text.h"

#include <gtest/gtest.h>

namespace smt::cmd {
namespace {

TEST(Text, ExtensionsHaveAnyCase) {
  for (const char* file : {"a.csv", "A.CSV", "x/a.b.Csv"}) EXPECT_TRUE(has_extension(file, ".csv")) << file;
  for (const char* file : {".csv", "x/.csv", "a.csvx", "acsv", "csv", ""}) {
    EXPECT_FALSE(has_extension(file, ".csv")) << file;
  }
}

TEST(Text, ReadsDurations) {
  const std::pair<const char*, int64_t> kTable[] = {{"250ms", 250'000'000},  {"1.5s", 1'500'000'000},
                                                    {"2m", 120'000'000'000}, {"1h", 3'600'000'000'000},
                                                    {"10us", 10'000},        {"5ns", 5},
                                                    {"3", 3'000'000'000},    {"0", 0}};
  for (const auto& [text, ns] : kTable) {
    Result<int64_t> parsed = parse_duration(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(*parsed, ns) << text;
  }
}

TEST(Text, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "1x", "1 s", "nan", "inf", "1e30", "1s2"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

TEST(Text, WritesDurationsSizesAndTimes) {
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(1'234'567), "1.23 ms");
  EXPECT_EQ(duration_text(-1'500), "-1.5 us");
  EXPECT_EQ(age_text(std::nullopt), "?");
  EXPECT_EQ(bytes_text(1023), "1023");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(1 << 30), "1 GiB");
  EXPECT_EQ(time_text(1), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(Text, QuotesAWordSoThatAShellReadsItAndNoTerminalObeysIt) {
  const std::pair<const char*, const char*> kTable[] = {{"a/b-1", "a/b-1"},
                                                        {"", "''"},
                                                        {"a b", "'a b'"},
                                                        {"it's", "'it'\\''s'"},
                                                        {"h\u00f6he", "'h\u00f6he'"},
                                                        {"a\x1b'\\\u009b", R"($'a\033\047\134\302\233')"}};
  for (const auto& [text, word] : kTable) EXPECT_EQ(shell_word(text), word);
}

TEST(Text, AlignsTablesByCharactersAndKeepsTerminalsSafe) {
  EXPECT_EQ(format_table({{"A", "N", "B"}, {"ü", "12", "x"}, {"abc", "3", "y"}}, {1}),
            "A     N  B\nü    12  x\nabc   3  y\n");
  EXPECT_EQ(format_table({{"a\x1b[2J", "b"}}), "a?[2J  b\n");
}

TEST(Text, QuotesCsvCellsThatNeedIt) { EXPECT_EQ(csv_line({"a", "b,c", "d\"e"}), "a,\"b,c\",\"d\"\"e\"\n"); }

}  // namespace
}  // namespace smt::cmd
