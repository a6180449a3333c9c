// Types of values of which nobody has said any. Seeded bug that makes it fail: in cmd/value/infer_schema.cc,
// ScalarType gives kI64 for what is beyond it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/value/infer_schema.h"

namespace smt::cmd {
namespace {

using ::testing::HasSubstr;

std::string Inferred(const std::string& json) {
  Result<Schema> schema = InferSchema(Json::parse(json));
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
    EXPECT_EQ(Inferred(json), Schema::Parse(type)->text()) << json;
    EXPECT_EQ(Inferred("{\"value\":" + std::string(json) + "}"), Schema::Parse(type)->text()) << json;
  }
}

TEST(InferSchema, LaysFieldsOutInTheirOrderEachAligned) {
  EXPECT_EQ(
      Inferred(R"({"ok":true,"pose.x":1.5,"mode":"auto","n":[1,2],"end":false})"),
      "inferred 72\nok bool 0 1 -\npose.x f64 8 1 -\nmode char 16 32 -\nn i64 48 2 -\nend bool 64 1 -\n");
  EXPECT_THAT(Inferred(R"({"t":")" + std::string(33, 'x') + R"(","u":1})"), HasSubstr("t char 0 64 -"));
}

TEST(InferSchema, TakesWhatItInferredFrom) {
  const Json value =
      Json::parse(R"({"ok":true,"x":"nan","mode":"auto","n":[1,-2],"big":18446744073709551615})");
  Result<Schema> schema = InferSchema(value);
  ASSERT_TRUE(schema.ok());
  Result<std::vector<std::byte>> bytes = JsonToValue(*schema, value);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(Dump(ValueToJson(*schema, *bytes)), Dump(value));
}

TEST(InferSchema, SaysWhatHasNoType) {
  for (const char* json : {"null", "[]", "{}", R"({"a":null})", R"({"a":{"b":1}})", "[1,\"x\"]", "[true,1]",
                           "[-1,18446744073709551615]", "[[1]]", R"({"a b":1})"}) {
    EXPECT_FALSE(InferSchema(Json::parse(json)).ok()) << json << " is " << Inferred(json);
  }
  EXPECT_THAT(Inferred(R"({"x":1,"a":{"b":1}})"), HasSubstr("a: an object inside another"));
}

}  // namespace
}  // namespace smt::cmd
