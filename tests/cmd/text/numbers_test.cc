// Numbers are read whole and within their bounds, sizes with their units.
#include "cmd/text/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace smt::cmd {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMaxCount = std::numeric_limits<uint64_t>::max();

template <class Number>
std::string fault_of(const char* text, Number min, Number max) {
  const Result<Number> number = parse_in_range(text, min, max, "a speed");
  if (number.ok()) return "";
  EXPECT_EQ(number.status().code(), Code::kInvalid) << text;
  return number.status().message();
}

TEST(Numbers, AreReadWholeAndWithinTheirBounds) {
  EXPECT_EQ(*parse_in_range("2.5", 0.0, 10.0), 2.5);
  EXPECT_EQ(*parse_in_range("+2", 0.0, 10.0), 2);
  EXPECT_EQ(*parse_in_range("-1e1", -10.0, 10.0), -10);
  EXPECT_EQ(*parse_in_range<uint64_t>("18446744073709551615", 0, kMaxCount), kMaxCount);
  for (const char* text : {"", " 1", "1 ", "1x", "+-1", "one", "0x", "1,5"}) {
    EXPECT_EQ(fault_of(text, 0.0, 10.0), "\"" + std::string(text) + "\" is no number");
  }
  for (const char* text : {"", "1.5", "1e3", "0x10", "-", "--1", "nan"}) {
    EXPECT_EQ(fault_of<uint32_t>(text, 0, 10), "\"" + std::string(text) + "\" is no integer");
  }
}

TEST(Numbers, ThatAreNotFiniteAreOutOfRange) {
  for (const char* text : {"nan", "-nan", "inf", "-inf", "infinity", "11", "-1"}) {
    EXPECT_THAT(fault_of(text, 0.0, 10.0), HasSubstr(" is out of range: a speed from 0 to 10")) << text;
  }
  EXPECT_FALSE(check_range(std::nan(""), -1e308, 1e308).ok());
  for (const char* text : {"-1", "11", "99999999999999999999", "-9223372036854775808"}) {
    EXPECT_EQ(fault_of<uint32_t>(text, 0, 10), std::string(text) + " is out of range: a speed from 0 to 10");
  }
}

TEST(Numbers, OfBytesHaveUnits) {
  constexpr SizeKind kFile = {1024, "KMGT", "64M", 1, uint64_t{1} << 40},
                     kRate = {1000, "kMGT", "125k", 1, 1'000'000'000};
  const std::pair<const char*, uint64_t> kTable[] = {
      {"1", 1},        {"64K", 65536},    {"64k", 65536},  {"64KB", 65536}, {"64KiB", 65536},
      {"2m", 2 << 20}, {"1.5M", 3 << 19}, {"1G", 1 << 30}, {"100B", 100},   {"1T", uint64_t{1} << 40}};
  for (const auto& [text, bytes] : kTable) {
    const Result<uint64_t> size = parse_size(text, kFile);
    ASSERT_TRUE(size.ok()) << text << ": " << size.status().message();
    EXPECT_EQ(*size, bytes) << text;
  }
  EXPECT_EQ(*parse_size("125k", kRate), 125'000u);
  EXPECT_FALSE(parse_size("125KiB", kRate).ok()) << "a kilobit is no multiple of 1024";
  for (const char* text : {"", "M", "64Q", "64 M", "M64", "nan", "inf", "64MM", "64iB", "1..5M"}) {
    const Result<uint64_t> size = parse_size(text, kFile);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_THAT(size.status().message(), HasSubstr("is no number of bytes; write 64M")) << text;
  }
  for (const char* text : {"0", "-1", "-64M", "0.4", "2T", "1e300T"}) {
    const Result<uint64_t> size = parse_size(text, kFile);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_THAT(size.status().message(), HasSubstr(" is out of range: a number of bytes from 1 to ")) << text;
  }
}

}  // namespace
}  // namespace smt::cmd
