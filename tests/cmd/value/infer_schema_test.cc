// Types of values of which nobody has said any.
#include "cmd/value/infer_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace smt::cmd {
namespace {

using ::testing::HasSubstr;

std::string inferred(const std::string& json) {
  Result<Schema> schema = infer_schema(Json::parse(json));
  return schema.ok() ? schema->text() : schema.status().message();
}

TEST(InferSchema, GivesAValueAloneTheTypeThatPubTakes) {
  const std::pair<const char*, const char*> kTable[] = {{"true", "bool"},
                                                        {"-3", "i64"},
                                                        {"18446744073709551615", "u64"},
                                                        {"1.5", "f64"},
                                                        {"\"nan\"", "f64"},
                                                        {"\"text\"", "string"},
                                                        {"[1,2,3]", "i64[3]"},
                                                        {"[1,2.5,\"inf\"]", "f64[3]"},
                                                        {"[true,false]", "bool[2]"},
                                                        {"[7]", "i64[1]"},
                                                        {"[1,18446744073709551615]", "u64[2]"}};
  for (const auto& [json, type] : kTable) {
    EXPECT_EQ(inferred(json), Schema::parse(type)->text()) << json;
    EXPECT_EQ(inferred("{\"value\":" + std::string(json) + "}"), Schema::parse(type)->text()) << json;
  }
}

TEST(InferSchema, LaysFieldsOutInTheirOrderEachAligned) {
  EXPECT_EQ(
      inferred(R"({"ok":true,"pose.x":1.5,"mode":"auto","n":[1,2],"end":false})"),
      "inferred 72\nok bool 0 1 -\npose.x f64 8 1 -\nmode char 16 32 -\nn i64 48 2 -\nend bool 64 1 -\n");
  EXPECT_THAT(inferred(R"({"t":")" + std::string(33, 'x') + R"(","u":1})"), HasSubstr("t char 0 64 -"));
}

TEST(InferSchema, TakesWhatItInferredFrom) {
  const Json value =
      Json::parse(R"({"ok":true,"x":"nan","mode":"auto","n":[1,-2],"big":18446744073709551615})");
  Result<Schema> schema = infer_schema(value);
  ASSERT_TRUE(schema.ok());
  Result<std::vector<std::byte>> bytes = json_to_value(*schema, value);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(dump(value_to_json(*schema, *bytes)), dump(value));
}

TEST(InferSchema, SaysWhatHasNoType) {
  for (const char* json : {"null", "[]", "{}", R"({"a":null})", R"({"a":{"b":1}})", "[1,\"x\"]", "[true,1]",
                           "[-1,18446744073709551615]", "[[1]]", R"({"a b":1})"}) {
    EXPECT_FALSE(infer_schema(Json::parse(json)).ok()) << json << " is " << inferred(json);
  }
  EXPECT_THAT(inferred(R"({"x":1,"a":{"b":1}})"), HasSubstr("a: an object inside another"));
}

}  // namespace
}  // namespace smt::cmd
