// Conditions on fields.
#include "cmd/value/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace smt::cmd {
namespace {

using ::testing::HasSubstr;

const Schema kSample{"Sample",
                     64,
                     {{"x", Type::kF64, 0, 1, ""},
                      {"n", Type::kI64, 8, 1, ""},
                      {"big", Type::kU64, 16, 1, ""},
                      {"ok", Type::kBool, 24, 1, ""},
                      {"mode", Type::kChar, 28, 8, ""},
                      {"pose.q", Type::kF32, 36, 4, ""}}};
const Json kValue =
    Json::parse(R"({"x": 1.5, "n": -3, "big": 18446744073709551615, "ok": true, "mode": "auto",
                                    "pose.q": [0.5, "nan", "inf", "-inf"]})");

bool holds(const std::string& text) {
  Result<Filter> filter = Filter::parse(text);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status().message();
  if (!filter.ok()) return false;
  EXPECT_TRUE(filter->check(kSample).ok()) << text << ": " << filter->check(kSample).message();
  return filter->matches(kValue);
}

std::string why_not(const std::string& text) {
  Result<Filter> filter = Filter::parse(text);
  if (!filter.ok()) return filter.status().message();
  return filter->check(kSample).message();
}

TEST(Filter, ComparesNumbersTextAndBools) {
  for (const char* text : {"x == 1.5", "x != 1", "x < 2", "x <= 1.5", "x > -1e3", "x >= 1.5", "n == -3",
                           "n<0", "ok == true", "ok != false", "ok == 1", "mode == \"auto\"",
                           "mode == 'auto'", "mode < \"b\"", "mode != \"\"", " ( x == 1.5 ) ", "n == -3.0"}) {
    EXPECT_TRUE(holds(text)) << text;
  }
  for (const char* text : {"x == 1.4", "x != 1.5", "x < 1.5", "x <= 1", "x > 1.5", "x >= 2", "ok == false",
                           "mode == \"Auto\"", "mode > 'b'"}) {
    EXPECT_FALSE(holds(text)) << text;
  }
}

TEST(Filter, ComparesIntegersOf64BitsExactly) {
  EXPECT_TRUE(holds("big == 18446744073709551615"));
  EXPECT_FALSE(holds("big == 18446744073709551614"));
  EXPECT_TRUE(holds("big > -1"));
  EXPECT_TRUE(holds("n < 18446744073709551615"));
  EXPECT_FALSE(holds("n == 18446744073709551613")) << "-3 is no large number";
}

TEST(Filter, ComparesElementsAndWhatIsNoNumber) {
  EXPECT_TRUE(holds("pose.q[0] == 0.5"));
  EXPECT_TRUE(holds("pose.q[1] != 0"));
  for (const char* op : {"==", "<", "<=", ">", ">="}) {
    EXPECT_FALSE(holds(std::string("pose.q[1] ") + op + " 0")) << op;
  }
  EXPECT_TRUE(holds("pose.q[2] > 1e308"));
  EXPECT_TRUE(holds("pose.q[3] < -1e308"));
  EXPECT_TRUE(holds("pose.q[2] == inf"));
}

TEST(Filter, BindsAndMoreThanOr) {
  EXPECT_TRUE(holds("x == 1.5 || x == 0 && n == 0"));
  EXPECT_FALSE(holds("(x == 1.5 || x == 0) && n == 0"));
  EXPECT_TRUE(holds("n == 0 && x == 0 || ok == true"));
  EXPECT_TRUE(holds("((x == 0) || ((n == -3) && (ok == true)))&&mode=='auto'"));
  EXPECT_FALSE(holds("x == 0 || n == 0 || ok == false"));
}

TEST(Filter, TakesAnyTextInQuotes) {
  EXPECT_FALSE(holds(R"(mode == "a\"b\\")"));
  EXPECT_TRUE(holds(R"(mode == "\au\to")"));
  EXPECT_FALSE(holds("mode == '&& || ( )'"));
}

TEST(Filter, SaysAtWhichColumnItIsNone) {
  EXPECT_EQ(why_not(""), "filter, column 1: expected a field, found the end");
  EXPECT_EQ(why_not("x = 1"), "filter, column 3: expected == != < <= > or >=, found \"= 1\"");
  EXPECT_EQ(why_not("x =="),
            "filter, column 5: expected a number, true, false, or text in quotes, found the end");
  EXPECT_EQ(why_not("x == 1 y"), "filter, column 8: expected &&, || or the end, found \"y\"");
  EXPECT_EQ(why_not("(x == 1"), "filter, column 8: expected ) or an operator, found the end");
  EXPECT_EQ(why_not("x == 1 &&"), "filter, column 10: expected a field, found the end");
  EXPECT_EQ(why_not("x == 1..2"),
            "filter, column 6: expected a number, true, false, or text in quotes, found \"1..2\"");
  EXPECT_EQ(why_not("mode == 'auto"), "filter, column 9: the text has no closing quote");
  EXPECT_EQ(why_not(std::string(33, '(')), "filter, column 33: more than 32 parentheses deep");
  EXPECT_THAT(why_not(std::string(5000, 'x')), HasSubstr("5000 bytes; 4096 are the most"));
  EXPECT_TRUE(holds(std::string(32, '(') + "x == 1.5" + std::string(32, ')')));
}

TEST(Filter, SaysWhatDoesNotFitTheTopic) {
  EXPECT_EQ(why_not("z == 1"), "no field \"z\" in Sample; there are x, n, big, ok, mode, pose.q[4]");
  EXPECT_THAT(why_not("pose.q[4] == 1"), HasSubstr("no field \"pose.q[4]\""));
  EXPECT_EQ(why_not("pose.q == 1"), "field pose.q has 4 elements; name one of them: pose.q[0]");
  EXPECT_EQ(why_not("mode == 1"), "field mode is text; compare it with text in quotes");
  EXPECT_EQ(why_not("x == 1 || ok == 'true'"), "field ok is a number; compare it with one");
}

TEST(FieldSelection, TakesFieldsElementsAndGroupsInTheOrderOfNaming) {
  const FieldSelection fields({"pose.q[2]", "pose", "x"});
  ASSERT_TRUE(fields.check(kSample).ok());
  EXPECT_EQ(dump(fields.select(kValue)), R"({"pose.q[2]":"inf","pose.q":[0.5,"nan","inf","-inf"],"x":1.5})");
}

TEST(FieldSelection, TakesAFieldWhoseNameLooksLikeAnElement) {
  const Schema odd{"Odd", 8, {{"a[1]", Type::kI32, 0, 1, ""}, {"b", Type::kI32, 4, 1, ""}}};
  const FieldSelection fields({"a[1]"});
  ASSERT_TRUE(fields.check(odd).ok());
  EXPECT_EQ(dump(fields.select(Json::parse(R"({"a[1]": 7, "b": 8})"))), R"({"a[1]":7})");
}

TEST(FieldSelection, KnowsTheOneValueOfTopicsWithoutFields) {
  EXPECT_TRUE(FieldSelection({"value"}).check(Schema::string()).ok());
  EXPECT_THAT(FieldSelection({"text"}).check(Schema::string()).message(), HasSubstr("there are value"));
  EXPECT_FALSE(FieldSelection({"value[0]"}).check(Schema::string()).ok());
}

}  // namespace
}  // namespace smt::cmd
