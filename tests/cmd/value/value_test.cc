// Values as JSON and back.
#include "cmd/value/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "cmd/text/base64.h"
#include "tests/bytes_of.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string to_text(const std::string& type, std::span<const std::byte> bytes) {
  return dump(value_to_json(*Schema::parse(type), bytes));
}

Result<std::vector<std::byte>> from_text(const std::string& type, const std::string& json) {
  return json_to_value(*Schema::parse(type), Json::parse(json));
}

TEST(Value, PrintsScalarsInTheirShortestForm) {
  EXPECT_EQ(to_text("f32", bytes_of(0.1f)), R"({"value":0.1})");
  EXPECT_EQ(to_text("f64", bytes_of(0.1)), R"({"value":0.1})");
  EXPECT_EQ(to_text("f32", bytes_of(5.0f)), R"({"value":5.0})");
  EXPECT_EQ(to_text("f64", bytes_of(1e300)), R"({"value":1e+300})");
  EXPECT_EQ(to_text("f64", bytes_of(-0.0)), R"({"value":-0.0})");
  EXPECT_EQ(to_text("u64", bytes_of(~uint64_t{0})), R"({"value":18446744073709551615})");
  EXPECT_EQ(to_text("i64", bytes_of(std::numeric_limits<int64_t>::min())),
            R"({"value":-9223372036854775808})");
  EXPECT_EQ(to_text("bool", bytes_of(true)), R"({"value":true})");
  EXPECT_EQ(to_text("f32", bytes_of(NAN)), R"({"value":"nan"})");
  EXPECT_EQ(to_text("f32", bytes_of(-INFINITY)), R"({"value":"-inf"})");
  EXPECT_EQ(to_text("f64", bytes_of(double{INFINITY})), R"({"value":"inf"})");
}

TEST(Value, TakesAByteThatIsNeitherTrueNorFalseForTrue) {
  EXPECT_EQ(to_text("bool", bytes_of(uint8_t{2})), R"({"value":true})");
}

TEST(Value, PrintsArraysTextAndBytes) {
  EXPECT_EQ(to_text("u8[3]", bytes_of(std::array<uint8_t, 3>{1, 2, 255})), R"({"value":[1,2,255]})");
  EXPECT_EQ(to_text("char[8]", bytes_of(std::array<char, 8>{'a', 'b'})), R"({"value":"ab"})");
  EXPECT_EQ(to_text("string", bytes_of(std::array<char, 3>{'a', '"', 'b'})), R"({"value":"a\"b"})");
  EXPECT_EQ(to_text("bytes", bytes_of(std::array<uint8_t, 3>{0, 1, 2})), R"({"value":"AAEC"})");
  EXPECT_EQ(to_text("string", bytes_of(std::array<uint8_t, 2>{0xff, 'a'})),
            "{\"value\":\"\xef\xbf\xbd"
            "a\"}");
}

TEST(Value, PrintsBytesOfAnotherSizeThanTheSchemasRaw) {
  EXPECT_EQ(to_text("f64", bytes_of(uint8_t{7})), R"({"value":"Bw=="})");
}

const Schema kPose = {
    "Pose",
    24,
    {{"header.stamp", Type::kU64, 0, 1, "us"}, {"q", Type::kF32, 8, 2, ""}, {"ok", Type::kBool, 16, 1, ""}}};

TEST(Value, KeepsStructFieldsInOrderUnderFlatKeys) {
  std::vector<std::byte> bytes(24);
  const uint64_t stamp = 7;
  const float q[2] = {0.5f, NAN};
  memcpy(bytes.data(), &stamp, 8);
  memcpy(bytes.data() + 8, q, 8);
  EXPECT_EQ(dump(value_to_json(kPose, bytes)), R"({"header.stamp":7,"q":[0.5,"nan"],"ok":false})");
  EXPECT_THAT(
      value_cells(value_to_json(kPose, bytes)),
      ElementsAre(Pair("header.stamp", "7"), Pair("q[0]", "0.5"), Pair("q[1]", "nan"), Pair("ok", "false")));
  Result<std::vector<std::byte>> back = json_to_value(kPose, value_to_json(kPose, bytes));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(dump(value_to_json(kPose, *back)), dump(value_to_json(kPose, bytes)));
}

TEST(Value, PrintsRandomFloatsSoThatTheyReadBackToTheSameBitsInNoMoreDigitsThanNeeded) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    double d;
    float f;
    memcpy(&d, &bits, 8);
    memcpy(&f, &bits, 4);
    // Two characters more than the shortest: the ".0" that tells a float from an integer.
    char shortest[32];
    if (std::isfinite(d)) {
      const std::string text = dump(Json(d));
      EXPECT_EQ(strtod(text.c_str(), nullptr), d) << text;
      EXPECT_LE(text.size(), std::to_chars(shortest, shortest + 32, d).ptr - shortest + 2u) << text;
    }
    if (std::isfinite(f)) {
      const std::string object = to_text("f32", bytes_of(f));
      const std::string text = object.substr(9, object.size() - 10);
      EXPECT_EQ(strtof(text.c_str(), nullptr), f) << text;
      EXPECT_LE(text.size(), std::to_chars(shortest, shortest + 32, f).ptr - shortest + 2u) << text;
    }
  }
}

TEST(Value, ReadsWhatItPrints) {
  const struct {
    const char *type, *json;
  } kTable[] = {{"f32", "0.1"},
                {"f64", "-1e-300"},
                {"f32", "\"nan\""},
                {"f64", "\"-inf\""},
                {"i8", "-128"},
                {"u8", "255"},
                {"i16", "-32768"},
                {"u16", "65535"},
                {"i32", "-2147483648"},
                {"u32", "4294967295"},
                {"u64", "18446744073709551615"},
                {"bool", "true"},
                {"i64", "-9223372036854775808"},
                {"u8[2]", "[0,255]"},
                {"string", "\"hi\""},
                {"char[4]", "\"abcd\""},
                {"bytes", "\"AAEC\""},
                {"bytes", "\"\""}};
  for (const auto& row : kTable) {
    Result<std::vector<std::byte>> bytes = from_text(row.type, row.json);
    ASSERT_TRUE(bytes.ok()) << row.type << " " << row.json << ": " << bytes.status().message();
    EXPECT_EQ(to_text(row.type, *bytes), std::string("{\"value\":") + row.json + "}") << row.type;
  }
}

TEST(Value, RefusesWhatIsNotOfTheTypeWithTheReason) {
  const struct {
    const char *type, *json, *reason;
  } kTable[] = {{"u8", "256", "256 is out of range of u8"},
                {"u8", "-1", "out of range"},
                {"i8", "-129", "out of range"},
                {"i64", "9223372036854775808", "out of range"},
                {"u64", "-1", "out of range"},
                {"i32", "1.5", "1.5 is not an integer, for i32"},
                {"i32", "\"1\"", "not an integer"},
                {"f32", "1e39", "out of range of f32"},
                {"f64", "true", "not a number"},
                {"f64", "\"NaNa\"", "not a number"},
                {"bool", "1", "not true or false"},
                {"f64[3]", "[1,2]", "the array has 2 elements, f64[3] has 3"},
                {"f64[3]", "1", "not an array of 3"},
                {"u8[2]", "[1,300]", "[1]: 300 is out of range of u8"},
                {"f64", "[1,2]", "the array has 2 elements"},
                {"char[2]", "\"abc\"", "3 bytes of text do not fit char[2]"},
                {"string", "5", "not a string"},
                {"bytes", "\"A\"", "not base64"},
                {"bytes", "[1]", "base64"},
                {"f64", "{\"valeu\":1}", "no field \"valeu\""},
                {"f64", "{}", "field \"value\" is missing"},
                {"f64", "null", "null is not a number"}};
  for (const auto& row : kTable) {
    Result<std::vector<std::byte>> bytes = from_text(row.type, row.json);
    ASSERT_FALSE(bytes.ok()) << row.type << " " << row.json;
    EXPECT_EQ(bytes.status().code(), Code::kInvalid);
    EXPECT_THAT(bytes.status().message(), HasSubstr(row.reason)) << row.type << " " << row.json;
  }
}

TEST(Value, EscapesInJsonWhatIsNotPrintable) {
  const std::string text = "h\u00f6he \u009b31m\u202e\x7f";
  EXPECT_EQ(dump(Json(text)), R"("h\u00f6he \u009b31m\u202e\u007f")");
  EXPECT_EQ(Json::parse(dump(Json(text))), text);
  EXPECT_EQ(dump(Json("h\u00f6he\n")), "\"h\u00f6he\\n\"");
}

TEST(Value, ReadsJsonOfABoundedDepthAndSaysWhereItIsNone) {
  const std::string deepest = std::string(kMaxJsonDepth, '[') + "1" + std::string(kMaxJsonDepth, ']');
  EXPECT_TRUE(parse_json(deepest).ok());
  const std::pair<std::string, const char*> kTable[] = {
      {"[" + deepest + "]", "nests brackets more than 64 deep"},
      {std::string(50'000, '['), "nests brackets more than 64 deep"},
      {std::string(50'000, '[') + std::string(50'000, ']'), "nests brackets more than 64 deep"},
      {"", "is not JSON: it ends before its brackets and quotes are closed"},
      {"[1, \"a", "is not JSON: it ends before its brackets and quotes are closed"},
      {"[1, 2,]", "is not JSON at column 7, where ] stands"},
      {"{\"x\": NaN}",
       "is not JSON at column 7, where NaN} stands; write \"nan\", \"inf\" or \"-inf\", in quotes"},
      {"1e999", "holds a number that is out of the range of f64"}};
  for (const auto& [text, why] : kTable)
    EXPECT_EQ(parse_json(text).status().message(), why) << text.substr(0, 20);
}

TEST(Base64, AgreesWithTheVectorsOfRfc4648AndRefusesAllElse) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, base64] : kVectors) {
    const std::span bytes(reinterpret_cast<const std::byte*>(text), strlen(text));
    EXPECT_EQ(to_base64(bytes), base64);
    const auto back = from_base64(base64);
    ASSERT_TRUE(back) << base64;
    EXPECT_TRUE(std::equal(back->begin(), back->end(), bytes.begin(), bytes.end()));
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Z===", "=", "====", "Zh==", "Zm9v=", "Zm 9", "Zg=A",
                          "Zm9vYg=="
                          "Zm9v"}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace smt::cmd
