// What is guessed of CSV files of other programs.
#include "cmd/value/csv_guess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cmd/value/csv_time.h"
#include "cmd/value/value.h"
#include "tests/scale.h"
#include "tests/text.h"

namespace smt::cmd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A file as CsvFile reads it.
struct Read {
  Status status;
  CsvLayout layout;
  std::string told;
  std::vector<std::string> rows;     // "TIME_NS JSON"
  std::vector<std::string> skipped;  // why

  // "name type unit" of each field.
  std::vector<std::string> fields() const {
    std::vector<std::string> out;
    for (const Field& f : layout.schema.fields) {
      out.push_back(f.name + " " + std::string(name_of(f.type)) +
                    (f.count > 1 ? "[" + std::to_string(f.count) + "]" : "") + " " + f.unit);
    }
    return out;
  }
};

Read read(const std::string& text, const CsvOptions& options = {}) {
  Read out;
  const std::vector<std::string> lines = split_lines(text);
  CsvHead head;
  for (size_t i = 0; i < lines.size() && !head.full() && out.status.ok(); ++i) {
    out.status = head.add(lines[i], options);
  }
  if (!out.status.ok()) return out;
  Result<CsvGuess> guess = CsvGuess::begin(head, options);
  if (!guess.ok()) return {guess.status(), {}, {}, {}, {}};
  for (size_t i = guess->first_row() - 1; i < lines.size(); ++i) guess->add(lines[i]);
  Result<CsvLayout> layout = guess->finish("T");
  if (!layout.ok()) return {layout.status(), {}, {}, {}, {}};
  out.layout = *layout;
  out.told = guess->told();
  for (size_t i = guess->first_row() - 1; i < lines.size(); ++i) {
    if (!is_row(layout->dialect, lines[i])) continue;
    std::vector<std::byte> value;
    int64_t ns = -1;
    const Status row = parse_row(*layout, lines[i], &value, &ns);
    if (row.ok()) {
      out.rows.push_back(std::to_string(ns) + " " + dump(value_to_json(layout->schema, value)));
    } else {
      out.skipped.push_back(row.message());
    }
  }
  return out;
}

TEST(CsvGuess, TypesAreThoseOfAllRows) {
  const Read file = read(
      "t,flag,count,large,far,x,hole,note,mixed,none,when\n"
      "0.1,true,1,1,-1,1,1,a,1,,2024-01-01 00:00:00\n"
      "0.2,FALSE,-2,18446744073709551615,18446744073709551615,2,,\"b,\"\"c\"\"\",x,NA,2024-01-01 00:00:01\n"
      "0.3,False,3,2,2,2.5,3,,2,,2024-01-01 00:00:02\n");
  ASSERT_TRUE(file.status.ok()) << file.status.message();
  EXPECT_THAT(file.fields(),
              ElementsAre("t f64 s", "flag bool ", "count i64 ", "large u64 ", "far f64 ", "x f64 ",
                          "hole f64 ", "note char[5] ", "mixed char ", "none f64 ", "when char[19] "));
  EXPECT_EQ(file.skipped, std::vector<std::string>());
  ASSERT_THAT(file.rows, SizeIs(3));
  EXPECT_EQ(
      file.rows[1],
      R"(200000000 {"t":0.2,"flag":false,"count":-2,"large":18446744073709551615,"far":18446744073709551616.0,)"
      R"("x":2.0,"hole":"nan","note":"b,\"c\"","mixed":"x","none":"nan","when":"2024-01-01 00:00:01"})");
  EXPECT_THAT(file.told,
              AllOf(HasSubstr("11 columns between commas"), HasSubstr("3 of them text"),
                    HasSubstr("named in line 1"), HasSubstr("time is \"t\" in s by its magnitude, 100 ms"),
                    HasSubstr("; \"mixed\" is text, for \"x\" in line 3 is no number")));
}

TEST(CsvGuess, SeparatorsAreToldApartByTheFirstRows) {
  const struct {
    const char* text;
    char separator;
    bool decimal_comma;
    size_t columns;
  } kTable[] = {{"t,x\n0,1\n2,3\n", ',', false, 2},
                {"t;x\n0,5;1,5\n1,5;2,5\n", ';', true, 2},
                {"0,5;1,5\n1,5;2,5\n", ';', true, 2},
                {"t;x\n0.5;1.5\n1.5;2.5\n", ';', false, 2},
                {"t;x\n0;1\n5;3\n", ';', false, 2},
                {"t\tx y\n0\t1\n2\t3\n", '\t', false, 2},
                {"t x  y\n 0.1  1 2\n10.1 20  30 \n", ' ', false, 3},
                {"t, x, y\n0.1, 1, 2\n0.2, 3, 4\n", ',', false, 3},
                {"t [s],speed [m/s],note\n0.1,1,one two\n0.2,3,a b c\n", ',', false, 3},
                {"0.1\n0.2\n0.3\n", ',', false, 1},
                {"2011-09-26 13:02:25.1\n2011-09-26 13:02:25.2\n", ',', false, 1},
                {"sep=;\nt;x\n0;1\n1;2\n", ';', false, 2},
                {"t,x,\n0,1,\n2,3,\n", ',', false, 2},
                {"t,x\n0,1,\n2,3,\n", ',', false, 2},
                {"t,x\n0,1\n2,3\nbroken\n3,4,5,6\n", ',', false, 2}};
  for (const auto& row : kTable) {
    const Read file = read(row.text);
    ASSERT_TRUE(file.status.ok()) << row.text << file.status.message();
    EXPECT_EQ(file.layout.dialect.separator, row.separator) << row.text;
    EXPECT_EQ(file.layout.dialect.decimal_comma, row.decimal_comma) << row.text;
    EXPECT_THAT(file.layout.columns, SizeIs(row.columns)) << row.text;
    EXPECT_GE(file.rows.size(), 2u) << row.text;
  }
  EXPECT_THAT(read("t;x\n0;1,5\n1;2.5\n").status.message(), HasSubstr("--csv-decimal"));
  EXPECT_EQ(read("t;x\n0;1,5\n1;2.5\n", {.decimal_comma = false}).fields()[1], "x char[3] ");
}

TEST(CsvGuess, NamesAndUnitsComeFromTheHeader) {
  const Read file = read(
      "#timestamp, p_RS_R_x [m], v [m s^-1],q [], Speed (km/h),Position (x),Position (y),a,a,,no "
      "\"quotes\",e[-]\n"
      "1403636579763555584,1,2,3,4,5,6,7,8,9,1,2\n1403636579768555584,1,2,3,4,5,6,7,8,9,1,2\n");
  ASSERT_TRUE(file.status.ok()) << file.status.message();
  EXPECT_THAT(file.fields(), ElementsAre("timestamp i64 ns", "p_RS_R_x i64 m", "v i64 m*s^-1", "q i64 ",
                                         "Speed i64 km/h", "Position_(x) i64 ", "Position_(y) i64 ", "a i64 ",
                                         "a_2 i64 ", "c10 i64 ", "no_quotes i64 ", "e i64 "));
  EXPECT_THAT(file.rows, SizeIs(2));
  EXPECT_THAT(read("# by hand\n# t x\n0.0 1\n0.1 2\n").fields(), ElementsAre("t f64 s", "x i64 "));
  EXPECT_THAT(read("0.0 1\n0.1 2\n").fields(), ElementsAre("c1 f64 s", "c2 i64 "));
  EXPECT_THAT(read("time,1,2\n0.0,1,2\n0.1,3,4\n").fields(), ElementsAre("time f64 s", "1 i64 ", "2 i64 "));
  EXPECT_THAT(read("1,a.png\n2.5,b.png\n").fields(), ElementsAre("c1 f64 s", "c2 char[5] "));
  EXPECT_THAT(read("t,q[0],q[1],q[2]\n0,1,0.5,1\n1,0,1,1\n").fields(), ElementsAre("t i64 s", "q f64[3] "));
}

TEST(CsvGuess, TheTimeIsAColumnOfThatNameOrTheFirstThatGrows) {
  const struct {
    const char* text;
    size_t column;
    int64_t unit_ns, first_ns;
  } kTable[] = {{"x,Time\n1,5\n2,6\n", 1, 1'000'000'000, 5'000'000'000},
                {"t,timestamp\n1,100\n2,120\n", 1, 1'000'000, 100'000'000},
                {"x,stamp_ms\n1,5\n2,6\n", 1, 1'000'000, 5'000'000},
                {"x,Time (ms)\n1,5\n2,6\n", 1, 1'000'000, 5'000'000},
                {"__time,x\n0.5,1\n0.6,2\n", 0, 1'000'000'000, 500'000'000},
                {"x,/imu/header.stamp\n1,0.5\n2,0.6\n", 1, 1'000'000'000, 500'000'000},
                {"t,x\n2024-01-01 00:00:00,1\n2024-01-01 00:00:01,2\n", 0, 0, 1704067200000000000},
                {"i,x,iTOW,y\n0,5,100,7\n1,4,300,8\n2,6,500,9\n", 2, 1'000'000, 100'000'000},
                {"stamp,x,when\n,5,0.1\n,4,0.2\n", 2, 1'000'000'000, 100'000'000},
                {"x,when\n5,10\n6,10\n4,10\n6,20\n5,20\n6,30\n4,40\n", 1, 1'000'000, 10'000'000}};
  for (const auto& row : kTable) {
    const Read file = read(row.text);
    ASSERT_TRUE(file.status.ok()) << row.text << file.status.message();
    ASSERT_TRUE(file.layout.time.has_value());
    EXPECT_EQ(file.layout.time->column, row.column) << row.text;
    EXPECT_EQ(file.layout.time->unit_ns, row.unit_ns) << row.text << file.told;
    EXPECT_THAT(file.rows[0], testing::StartsWith(std::to_string(row.first_ns) + " ")) << row.text;
  }
}

TEST(CsvGuess, WhatCannotBeGuessedIsRefusedWithTheFlagThatHelps) {
  const struct {
    const char *text, *reason;
  } kTable[] = {{"x,y\n2,1\n1,2\n3,1\n", "--csv-rate HZ"},
                {"i,x\n0,1\n1,2\n2,1\n", "--csv-time COLUMN"},
                {"Time,x\n26.09.2011 13:02:25,1\n26.09.2011 13:02:26,2\n",
                 "column \"Time\" cannot be the time: \"26.09.2011 13:02:25\" in line 2 is neither a number "
                 "nor a date"},
                {"t\tx\n0,1\t1\n0,2\t2\n", "--csv-decimal comma makes it a number"},
                {"t,x\n1,2\n2024-01-01 00:00:00,3\n", "both numbers and dates"},
                {"t,x\n", "has no rows"},
                {"", "has no rows"},
                {"# only a comment\n", "has no rows"},
                {"a,b\nr,0,1\ns,1,2\n", "line 1 has 2 names, and the rows 3 columns"},
                {"\xff\xfe"
                 "t\n",
                 "UTF-16"},
                {"t\rx\n", "carriage returns"}};
  for (const auto& row : kTable) {
    const Status status = read(row.text).status;
    EXPECT_EQ(status.code(), Code::kInvalid) << row.text;
    EXPECT_THAT(status.message(), HasSubstr(row.reason)) << row.text;
  }
  EXPECT_THAT(read(std::string("t\0x\n", 4)).status.message(), HasSubstr("no text"));
  std::string wide = "0";
  for (uint32_t i = 0; i < kMaxCsvColumns; ++i) wide += ",1";
  EXPECT_FALSE(read(wide + "\n" + wide + "\n").status.ok());
}

TEST(CsvGuess, FlagsOverrideEachGuess) {
  const std::string text = "made by hand\na,b,c\n1,2,x\n2,3,y\n";
  EXPECT_THAT(read(text, {.header = 2, .time = "b"}).fields(), ElementsAre("a i64 ", "b i64 s", "c char "));
  EXPECT_EQ(read(text, {.header = 2, .time = "2", .time_unit_ns = 1000}).rows[0],
            R"(2000 {"a":1,"b":2,"c":"x"})");
  EXPECT_THAT(read("0.5,2\n1.5,2\n", {.names = {"t", "x"}}).fields(), ElementsAre("t f64 s", "x i64 "));
  EXPECT_THAT(read("t,x\n0.5,2\n1.5,2\n", {.names = {"t", "y"}}).fields(), ElementsAre("t f64 s", "y i64 "));
  EXPECT_THAT(read("t,x\n0,2\n5,2\n", {.header = 0, .rate_hz = 4}).rows,
              ElementsAre(testing::StartsWith("-1 "), testing::StartsWith("-1 "), testing::StartsWith("-1 ")))
      << "the reader of the file counts";
  EXPECT_THAT(
      read("t,x\n0,2\n5,2\n", {.types = {{"x", {Type::kF32}}}, .units = {{"x", "m"}, {"t", "ms"}}}).fields(),
      ElementsAre("t i64 ms", "x f32 m"));
  EXPECT_EQ(read("t,x\n0,2\n5,300\n", {.types = {{"x", {Type::kU8}}}}).skipped,
            std::vector<std::string>{"column 2: \"300\" is out of range of u8"});
  EXPECT_THAT(read("t x,y\n0 1,2\n1 2,3\n", {.separator = ' '}).fields(),
              ElementsAre("t i64 s", "x,y char[3] "));
  EXPECT_THAT(read("t\tx\n0,1\t1\n0,2\t2\n", {.decimal_comma = true}).fields(),
              ElementsAre("t f64 s", "x i64 "));
  EXPECT_THAT(read("t,x\n0,2\n5,2\n", {.types = {{"z", {Type::kF32}}}}).told,
              HasSubstr("no column \"z\", which --csv-type names"));
  EXPECT_EQ(read("t,x\n0,2\n5,2\n", {.header = 3}).status.message(), "has no rows below line 3");
  EXPECT_THAT(read("t,x\n0,2\n5,2\n", {.time = "z"}).status.message(), HasSubstr("no column \"z\""));
  EXPECT_THAT(read("t,x\n0,2\n5,2\n", {.names = {"z"}}).status.message(),
              HasSubstr("--csv-columns has 1 names"));
}

TEST(CsvGuess, CommentsAndRepeatedHeadersAreNoRows) {
  const Read file = read("t,x\n0,1\n# restarted\nt,x\n\n1,2\n");
  EXPECT_THAT(file.rows, SizeIs(2));
  EXPECT_THAT(file.fields(), ElementsAre("t i64 s", "x i64 "));
  EXPECT_THAT(file.told, HasSubstr("2 lines are comments or repeat the names"));
}

TEST(CsvGuess, AFileOfManyEqualNamesTakesNoLonger) {
  std::string names = "t", row = "1", next = "2";
  for (uint32_t i = 1; i < kMaxCsvColumns; ++i) names += ",a", row += ",1", next += ",2";
  const Read file = read(names + "\n" + row + "\n" + next + "\n");
  ASSERT_TRUE(file.status.ok()) << file.status.message();
  EXPECT_EQ(file.layout.schema.fields.back().name, "a_16383");
}

TEST(CsvGuess, SurvivesRandomText) {
  std::mt19937 random(1);
  const std::string_view letters = "0123456789,,,;;\t\t  ..--#%\"[]()nantimestamp\xff\r\n\n\n\n";
  uint64_t good = 0;
  const uint64_t cases = Scale::get().scaled(2'000, 20'000);
  for (uint64_t i = 0; i < cases; ++i) {
    std::string text(random() % 200, ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    const Read file = read(i % 2 == 0 ? text : "t,x\n1,2\n" + text, {.rate_hz = i % 3 == 0 ? 1.0 : 0.0});
    EXPECT_TRUE(file.status.ok() || !file.status.message().empty());
    EXPECT_TRUE(!file.status.ok() || file.layout.schema.check().ok()) << text;
    good += file.status.ok();
  }
  EXPECT_GT(good, cases / 200);
}

}  // namespace
}  // namespace smt::cmd
