// Times in CSV.
#include "cmd/value/csv_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/scale.h"

namespace smt::cmd {
namespace {

constexpr int64_t kS = 1'000'000'000;
const std::optional<int64_t> kNone;

TEST(CsvTime, NumbersKeepAllTheirDigits) {
  EXPECT_EQ(decimal_time_ns("1305031098.6659", kS), 1305031098665900000);
  EXPECT_EQ(decimal_time_ns("1403636579763555584", 1), 1403636579763555584);
  EXPECT_EQ(decimal_time_ns("1403636579763555584.0000000000", 1), 1403636579763555584);
  EXPECT_EQ(decimal_time_ns("1.403636579763555584e+18", 1), 1403636579763555584);
  EXPECT_EQ(decimal_time_ns("1.037359e-01", kS), 103735900);
  EXPECT_EQ(decimal_time_ns("20319245", 1000), 20319245000);
  EXPECT_EQ(decimal_time_ns("-0,5", kS, ','), -500'000'000);
  EXPECT_EQ(decimal_time_ns("+.5", 1'000'000), 500'000);
  EXPECT_EQ(decimal_time_ns("1.5", 60 * kS), 90 * kS);
  EXPECT_EQ(decimal_time_ns("0.1234567890123456789", 86400 * kS), 10666666570667);
}

TEST(CsvTime, NumbersAreRoundedToTheNearestNanosecond) {
  EXPECT_EQ(decimal_time_ns("0.4999999999", 1), 0);
  EXPECT_EQ(decimal_time_ns("0.5", 1), 1);
  EXPECT_EQ(decimal_time_ns("0.0000000019", kS), 2);
  EXPECT_EQ(decimal_time_ns("1e-400", kS), 0);
  EXPECT_EQ(decimal_time_ns("0." + std::string(5000, '0') + "1e5001", 1), 1);
}

TEST(CsvTime, NumbersBeyond64BitsAndNoNumbersAreNone) {
  EXPECT_EQ(decimal_time_ns("9223372036854775807", 1), std::numeric_limits<int64_t>::max());
  for (const char* text :
       {"9223372036854775808", "1e19", "-1e400", "1e99999999999", "99999999999999999999999"}) {
    EXPECT_EQ(decimal_time_ns(text, 1), kNone) << text;
  }
  EXPECT_EQ(decimal_time_ns("9223372037", kS), kNone);
  for (const char* text :
       {"", "-", ".", "nan", "inf", "1x", "x", "1.2.3", "1e", "1e1.5", "0x10", "1,5", " 1"}) {
    EXPECT_EQ(decimal_time_ns(text, kS), kNone) << text;
  }
}

TEST(CsvTime, DatesOfIso8601AreNanosecondsSince1970) {
  EXPECT_EQ(iso_time_ns("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(iso_time_ns("1970-01-02 00:00"), 86400 * kS);
  EXPECT_EQ(iso_time_ns("2011-09-26 13:02:25.964389445"), 1317042145964389445);
  EXPECT_EQ(iso_time_ns("2011-09-26T15:02:25,5+02:00"), 1317042145500000000);
  EXPECT_EQ(iso_time_ns("2011-09-26T06:32:25-0630"), 1317042145000000000);
  EXPECT_EQ(iso_time_ns("2011-09-26T13:02:25.9643894459 UTC"), 1317042145964389445);
  EXPECT_EQ(iso_time_ns("1969-12-31T23:59:59.5Z"), -500'000'000);
  EXPECT_EQ(iso_time_ns("2024-02-29T23:59:60Z"), iso_time_ns("2024-03-01T00:00:00Z"));
  for (const char* text :
       {"", "2024", "2024-01-01", "2024-13-01T00:00:00", "2023-02-29T00:00:00", "2024-01-01T24:00:00",
        "2024-01-01T00:60:00", "2024-01-01T00:00:61", "2024-01-01T00:00:00.", "2024-01-01T00:00:00 CET",
        "2024-01-01T00:00:00+", "2024-01-01T00:00:00+1:00", "01.02.2024 12:00:00", "2024-01-01T00:00:00Zx",
        "9999-01-01T00:00:00", "0000-01-01T00:00:00", "2024-00-01T00:00:00"}) {
    EXPECT_EQ(iso_time_ns(text), kNone) << text;
  }
}

TEST(CsvTime, UnitsHaveManyWords) {
  EXPECT_EQ(time_unit_from("ns"), 1);
  EXPECT_EQ(time_unit_from("usec"), 1000);
  EXPECT_EQ(time_unit_from("\xc2\xb5s"), 1000);
  EXPECT_EQ(time_unit_from("Milliseconds"), 1'000'000);
  EXPECT_EQ(time_unit_from("S"), kS);
  EXPECT_EQ(time_unit_from("h"), 3600 * kS);
  EXPECT_EQ(time_unit_from("m"), kNone) << "a meter more probably";
  EXPECT_EQ(time_unit_from(""), kNone);
}

TEST(CsvTime, MagnitudeTellsTheUnit) {
  const struct {
    double value, step;
    int64_t unit;
    const char* what;
  } kTable[] = {{1.403636579763555584e18, 5e6, 1, "200 Hz in nanoseconds since 1970"},
                {1.6e15, 1e4, 1000, "100 Hz in microseconds since 1970"},
                {1.6e12, 10, 1'000'000, "100 Hz in milliseconds since 1970"},
                {1305031098.6659, 0.01, kS, "100 Hz in seconds since 1970"},
                {1.6e9, 60, kS, "a weather station, since 1970"},
                {1.6e9, 0, kS, "one row, since 1970"},
                {20319245, 10000, 1000, "100 Hz in microseconds since the boot"},
                {1.6e9, 10000, 1000, "the same after half an hour"},
                {345600000, 200, 1'000'000, "5 Hz in milliseconds of the GPS week"},
                {5.3e13, 5e6, 1, "200 Hz in nanoseconds since the boot"},
                {12.5, 0.1, kS, "10 Hz in seconds"},
                {60, 1, kS, "1 Hz in seconds"},
                {0, 0, kS, "one row at the begin"}};
  for (const auto& row : kTable) EXPECT_EQ(guess_time_unit(row.value, row.step), row.unit) << row.what;
}

TEST(CsvTime, SurvivesRandomText) {
  std::mt19937 random(1);
  const std::string_view letters = "00123456789.,-+eET:Z nax";
  uint64_t numbers = 0;
  const uint64_t cases = Scale::get().scaled(20'000, 200'000);
  for (uint64_t i = 0; i < cases; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    numbers += decimal_time_ns(text, i % 2 == 0 ? 1 : 86400 * kS).has_value();
    (void)iso_time_ns(text);
    (void)iso_time_ns("2024-01-01T" + text);
  }
  EXPECT_GT(numbers, cases / 2'000);
}

}  // namespace
}  // namespace smt::cmd
