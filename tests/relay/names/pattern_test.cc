// Which topics a rule names: a table for people, and a slow matcher written from the header's words for
// everything else.
#include "relay/names/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "relay/names/pattern_set.h"
#include "tests/relay/names/segments.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

Pattern parse(std::string_view text) {
  Result<Pattern> pattern = Pattern::parse(text);
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status().message();
  return *pattern;
}

TEST(Pattern, NamesTheTopicsOfTheTable) {
  const struct {
    const char* pattern;
    std::vector<const char*> yes, no;
  } kTable[] = {
      {"camera/front", {"camera/front"}, {"camera", "camera/front/info", "camera/fron", "xcamera/front"}},
      {"*", {"a", "imu0"}, {"a/b"}},
      {"camera/*", {"camera/front", "camera/x"}, {"camera", "camera/front/info", "cameras/front"}},
      {"*/imu*", {"left/imu", "left/imu0"}, {"imu", "left/right/imu", "left/imu/0", "left/aimu"}},
      {"a*b*c", {"abc", "axbyc", "abbcc"}, {"ab", "abcd", "a/b/c"}},
      {"**", {"a", "a/b", "a/b/c"}, {"smt/relay/x"}},
      {"arm/**", {"arm", "arm/left", "arm/left/joint/1"}, {"army", "army/left", "left/arm"}},
      {"**/imu", {"imu", "left/imu", "robot/left/imu"}, {"imu/x", "ximu", "left/ximu"}},
      {"a/**/b", {"a/b", "a/x/b", "a/x/y/b"}, {"a", "b", "ab", "a/bx", "a/xb"}},
      {"**/**", {"a", "a/b"}, {}},
      {"a/**/**", {"a", "a/b", "a/b/c"}, {"b"}},
      {"a.b", {"a.b"}, {"axb"}},
      {"q[0]", {"q[0]"}, {"q0"}},
      {"re:imu[0-9]+", {"imu0", "imu12"}, {"imu", "imu1/x", "ximu1"}},
      {"re:a|b/c", {"a", "b/c"}, {"a/c", "b"}},
      {"smt/**", {"smt/relay/x", "smt"}, {"a", "smtx"}},
      {"re:smt/.*", {"smt/relay/x"}, {"a"}},
      {"re:.*", {"a/b"}, {"smt/relay/x"}},
      {"*/relay", {"a/relay"}, {"smt/relay"}},
      {"größe/*", {"größe/ü"}, {"größe"}},
  };
  for (const auto& row : kTable) {
    const Pattern pattern = parse(row.pattern);
    for (const char* topic : row.yes) EXPECT_TRUE(pattern.matches(topic)) << row.pattern << " " << topic;
    for (const char* topic : row.no) EXPECT_FALSE(pattern.matches(topic)) << row.pattern << " " << topic;
  }
}

TEST(Pattern, RefusesWhatIsNoPatternWithThePatternAndTheReason) {
  const struct {
    std::string pattern, reason;
  } kTable[] = {
      {"", "empty"},
      {"/a", "empty segment"},
      {"a/", "empty segment"},
      {"a//b", "empty segment"},
      {"a**", "whole segments"},
      {"a/b**c", "whole segments"},
      {"***", "whole segments"},
      {"a\nb", "control character"},
      {"a/\xed\xa2\x8f", "UTF-8"},
      {"re:[", "missing ]"},
      {"re:(a", "missing )"},
      {std::string(1025, 'a'), "longer than 1024"},
  };
  for (const auto& row : kTable) {
    Result<Pattern> pattern = Pattern::parse(row.pattern);
    ASSERT_FALSE(pattern.ok()) << row.pattern;
    EXPECT_EQ(pattern.status().code(), Code::kInvalid);
    EXPECT_THAT(pattern.status().message(), HasSubstr(row.reason)) << row.pattern;
  }
}

// The header's words, tried in every way: exponential, and obviously right.
bool segment_matches(std::string_view pattern, std::string_view segment) {
  if (pattern.empty()) return segment.empty();
  if (pattern[0] == '*') {
    return segment_matches(pattern.substr(1), segment) ||
           (!segment.empty() && segment_matches(pattern, segment.substr(1)));
  }
  return !segment.empty() && segment[0] == pattern[0] &&
         segment_matches(pattern.substr(1), segment.substr(1));
}

bool matches(const Segments& pattern, size_t p, const Segments& topic, size_t t) {
  if (p == pattern.size()) return t == topic.size();
  if (pattern[p] == "**") {
    return matches(pattern, p + 1, topic, t) || (t < topic.size() && matches(pattern, p, topic, t + 1));
  }
  return t < topic.size() && segment_matches(pattern[p], topic[t]) && matches(pattern, p + 1, topic, t + 1);
}

TEST(Pattern, AgreesWithASlowMatcherOnRandomPatternsAndNames) {
  std::mt19937 random(1);
  const auto segments = [&](const std::vector<std::string>& words, size_t max) {
    Segments out(1 + random() % max);
    for (std::string& s : out) s = words[random() % words.size()];
    return out;
  };
  int matched = 0;
  for (int i = 0; i < 3000; ++i) {
    const Segments pattern = segments({"**", "**", "*", "a", "b", "a*", "*b", "a*b", "*a*"}, 5);
    const Pattern compiled = parse(join(pattern));
    for (int k = 0; k < 10; ++k) {
      const Segments topic = segments({"a", "b", "ab", "ba", "aab", "x"}, 5);
      const bool expected = matches(pattern, 0, topic, 0);
      matched += expected;
      ASSERT_EQ(compiled.matches(join(topic)), expected) << join(pattern) << " on " << join(topic);
    }
  }
  EXPECT_GT(matched, 3000);
  EXPECT_LT(matched, 27000);
}

TEST(Pattern, TellsWhatItsWildcardsStandFor) {
  using Parts = std::vector<std::string>;
  const struct {
    const char *pattern, *topic;
    std::optional<Parts> parts;
  } kTable[] = {
      {"a", "a", Parts{"a"}},
      {"a*b*", "a1b2b3", Parts{"a1b2b3", "1b2", "3"}},
      {"arm/**", "arm", Parts{"arm", ""}},
      {"**/imu/*", "a/b/imu/c", Parts{"a/b/imu/c", "a/b", "c"}},
      {"re:(x)?(y)", "y", Parts{"y", "", "y"}},
      {"arm/**", "army", std::nullopt},
      {"**", "smt/a", std::nullopt},
  };
  for (const auto& row : kTable) {
    Result<Pattern> pattern = Pattern::parse_with_parts(row.pattern);
    ASSERT_TRUE(pattern.ok()) << row.pattern;
    EXPECT_EQ(pattern->parts(row.topic), row.parts) << row.pattern << " of " << row.topic;
    EXPECT_EQ(pattern->matches(row.topic), row.parts.has_value());
    if (row.parts) {
      EXPECT_EQ(pattern->number_of_parts(), row.parts->size() - 1);
    }
  }
}

TEST(PatternSet, DenyWinsAndTheDecidingPatternIsTold) {
  Result<PatternSet> set = PatternSet::parse({"arm/**", "camera/front"}, {"arm/secret/**", "re:.*tmp.*"});
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(set->matches("arm/left"));
  EXPECT_TRUE(set->matches("camera/front"));
  EXPECT_FALSE(set->matches("arm/secret"));
  EXPECT_FALSE(set->matches("arm/secret/key"));
  EXPECT_FALSE(set->matches("arm/tmp0"));
  EXPECT_FALSE(set->matches("wheel"));
  EXPECT_EQ(set->decide("arm/secret/key").pattern->text(), "arm/secret/**");
  EXPECT_EQ(set->decide("camera/front").pattern->text(), "camera/front");
  EXPECT_EQ(set->decide("wheel").pattern, nullptr);
}

TEST(PatternSet, RefusesABadPatternOnEitherSide) {
  EXPECT_FALSE(PatternSet::parse({"a//b"}).ok());
  EXPECT_FALSE(PatternSet::parse({"**"}, {"re:["}).ok());
}

TEST(PatternSet, WithoutRulesMatchesNothing) { EXPECT_FALSE(PatternSet().matches("a")); }

}  // namespace
}  // namespace smt::relay
