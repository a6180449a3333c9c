// What a topic that arrives is called here: tables for people, and a slow renamer written from the header's
// words for everything else.
#include "relay/rules/naming.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "shm/domain.h"
#include "tests/relay/names/segments.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

ReceiveRule rule_with_prefix(std::string prefix) {
  ReceiveRule rule;
  rule.prefix = std::move(prefix);
  return rule;
}

ReceiveRule rule_as(std::string topic, std::string as) {
  ReceiveRule rule;
  rule.topic = {std::move(topic)};
  rule.as = std::move(as);
  return rule;
}

Naming naming_of(const ReceiveRule& rule) {
  Result<Naming> naming = Naming::parse(rule);
  EXPECT_TRUE(naming.ok()) << naming.status().message();
  return naming.ok() ? *naming : Naming();
}

TEST(Naming, KeepsTheNameIfTheRuleSaysNothing) {
  EXPECT_EQ(Naming().local("arm/left", "r1"), "arm/left");
  EXPECT_EQ(naming_of({}).local("arm/left", "any/thing\n"), "arm/left");
  EXPECT_TRUE(naming_of({}).keeps_names());
  EXPECT_FALSE(naming_of(rule_with_prefix("r1")).keeps_names());
}

TEST(Naming, NamesTheTopicsOfTheTable) {
  const struct {
    ReceiveRule rule;
    const char *topic, *local;  // null: none
  } kTable[] = {
      {rule_with_prefix("r1"), "camera/front", "r1/camera/front"},
      {rule_with_prefix("r1/"), "imu", "r1/imu"},
      {rule_with_prefix("fleet/r1//"), "imu", "fleet/r1/imu"},
      {rule_with_prefix("{peer}"), "imu", "robot-1/imu"},
      {rule_with_prefix("fleet/{peer}_x/{peer}"), "imu", "fleet/robot-1_x/robot-1/imu"},
      {rule_as("camera/front", "front"), "camera/front", "front"},
      {rule_as("camera/front", "front"), "camera/rear", nullptr},
      {rule_as("camera/front", "{peer}/front"), "camera/front", "robot-1/front"},
      {rule_as("arm/**", "robot1/arm/**"), "arm/left/joint", "robot1/arm/left/joint"},
      {rule_as("arm/**", "robot1/arm/**"), "arm", "robot1/arm"},
      {rule_as("arm/**", "robot1/arm/**"), "army", nullptr},
      {rule_as("arm/**", "**"), "arm/left", "left"},
      {rule_as("arm/**", "**"), "arm", nullptr},
      {rule_as("**", "**/raw"), "arm/left", "arm/left/raw"},
      {rule_as("**", "r1/**"), "smt/relay/x", nullptr},
      {rule_as("smt/**", "r1/smt/**"), "smt/relay/x", "r1/smt/relay/x"},
      {rule_as("**/imu", "r1/**/imu"), "imu", "r1/imu"},
      {rule_as("**/imu", "r1/**/imu"), "left/imu", "r1/left/imu"},
      {rule_as("**/imu", "imu/**"), "a/b/imu", "imu/a/b"},
      {rule_as("**/imu", "imu/**"), "imu", "imu"},
      {rule_as("imu/**", "**/imu"), "imu", "imu"},
      {rule_as("imu/**", "**/imu"), "imu/a", "a/imu"},
      {rule_as("a/**/b", "x/**/y"), "a/b", "x/y"},
      {rule_as("a/**/b", "x/**/y"), "a/1/2/b", "x/1/2/y"},
      {rule_as("*/joint*", "joint/*_*"), "arm/joint7", "joint/arm_7"},
      {rule_as("*/joint*", "joint/*_*"), "arm/joint", "joint/arm_"},
      {rule_as("arm/a*", "x/*"), "arm/a", nullptr},  // x/ is no name
      {rule_as("a*b*", "*-*"), "a1b2b3", "1b2-3"},   // the earlier takes what it can
      {rule_as("**/x/**", "**/-/**"), "a/x/b/x/c", "a/x/b/-/c"},
      {rule_as("größe/*", "*/größe"), "größe/ü", "ü/größe"},
      {rule_as("re:imu([0-9]+)", "robot/\\1/x"), "imu12", "robot/12/x"},
      {rule_as("re:imu([0-9]+)", "robot/\\1/x"), "imu", nullptr},
      {rule_as("re:(.*)/(a|b)?", "\\2/{peer}/\\1"), "x/y/a", "a/robot-1/x/y"},
      {rule_as("re:(.*)/(a)?c", "\\2/\\1"), "x/c", nullptr},  // /x is no name
      {rule_as("re:.+", "all/\\0"), "a/b", "all/a/b"},
      {rule_as("re:.+", "b\\\\s"), "a", "b\\s"},
      {rule_as("re:a|b", "one"), "b", "one"},
  };
  for (const auto& row : kTable) {
    const std::optional<std::string> local = naming_of(row.rule).local(row.topic, "robot-1");
    EXPECT_EQ(local.value_or("(none)"), row.local == nullptr ? "(none)" : row.local)
        << row.rule.prefix << row.rule.as << " of " << row.topic;
  }
}

TEST(Naming, SaysWhyATopicHasNoNameHere) {
  const std::string long_topic = std::string(250, 'a');
  EXPECT_THAT(naming_of(rule_with_prefix("robot1")).local_or_why(long_topic, "p").status().message(),
              HasSubstr("longer than 255 bytes"));
  EXPECT_EQ(naming_of(rule_with_prefix("r1")).local(long_topic, "p"), "r1/" + long_topic);
  EXPECT_THAT(naming_of(rule_as("a", "b")).local_or_why("c", "p").status().message(),
              HasSubstr("does not match c"));
  EXPECT_THAT(naming_of(rule_as("a/x*", "b/*")).local_or_why("a/x", "p").status().message(),
              HasSubstr("empty segment"));
}

TEST(Naming, TakesNoNameOfAPeerThatIsNone) {
  const Naming naming = naming_of(rule_with_prefix("{peer}"));
  const std::string max(64, 'p');
  for (const std::string& peer : {std::string("r1"), std::string("-_A.9"), max}) {
    EXPECT_EQ(naming.local("x", peer), peer + "/x");
  }
  for (const std::string& peer : {std::string(), std::string("a/b"), std::string(".."), std::string(".a"),
                                  std::string("a b"), std::string("ü"), std::string("a\n"), max + "p",
                                  std::string("*"), std::string("{peer}"), std::string("a\0b", 3)}) {
    EXPECT_EQ(naming.local("x", peer), std::nullopt) << peer;
    EXPECT_THAT(naming.local_or_why("x", peer).status().message(), HasSubstr("peer name")) << peer;
  }
}

TEST(Naming, RefusesWhatIsNoNamingWithTheTextAndTheReason) {
  ReceiveRule both = rule_with_prefix("p"), two = rule_as("a", "b");
  both.as = "q";
  two.topic.push_back("c");
  const struct {
    ReceiveRule rule;
    const char *text, *reason;
  } kTable[] = {
      {both, "\"q\"", "use one of them"},
      {two, "\"b\"", "the rule has 2"},
      {rule_with_prefix("/"), "\"/\"", "empty"},
      {rule_with_prefix("a//b"), "\"a//b\"", "empty segment"},
      {rule_with_prefix("/a"), "\"/a\"", "empty segment"},
      {rule_with_prefix("a*"), "\"a*\"", "for patterns only"},
      {rule_with_prefix("a\n"), "prefix", "control character"},
      {rule_with_prefix("\xff"), "prefix", "not UTF-8"},
      {rule_with_prefix(std::string(256, 'a')), "prefix", "longer than 255"},
      {rule_with_prefix("{host}"), "\"{host}\"", "{peer}"},
      {rule_with_prefix("{peer"), "\"{peer\"", "{peer}"},
      {rule_as("a", "{}"), "\"{}\"", "{peer}"},
      {rule_as("re:a", "{Peer}"), "\"{Peer}\"", "{peer}"},
      {rule_as("a//b", "x"), "\"a//b\"", "empty segment"},
      {rule_as("a", "x//y"), "\"x//y\"", "empty segment"},
      {rule_as("arm/**", "x/*"), "\"x/*\"", "has * where topic \"arm/**\" has **"},
      {rule_as("arm/*", "x"), "\"x\"", "has no wildcard where topic \"arm/*\" has *"},
      {rule_as("arm", "x/*"), "\"x/*\"", "has * where topic \"arm\" has no wildcard"},
      {rule_as("*/**", "**/*"), "\"**/*\"", "has ** * where topic \"*/**\" has * **"},
      {rule_as("*/*", "*"), "\"*\"", "has * where"},
      {rule_as("**/**", "**/**"), "\"**/**\"", "once"},
      {rule_as("**/a/**", "**/**"), "\"**/**\"", "once"},
      {rule_as("a*", "x**"), "\"x**\"", "inside a segment"},
      {rule_as("re:(a)", "x/\\2"), "\\2", "it has 1"},
      {rule_as("re:(a)", "x\\"), "x\\", "another backslash"},
      {rule_as("re:(a)", "\\n"), "\\n", "another backslash"},
      {rule_as("re:(a", "x"), "re:(a", "missing )"},
      {rule_as("re:a", "x/*"), "x/*", "for patterns only"},
      {rule_as("re:a", "x//\\0"), "x//", "empty segment"},
  };
  for (const auto& row : kTable) {
    Result<Naming> naming = Naming::parse(row.rule);
    ASSERT_FALSE(naming.ok()) << row.text << " " << row.reason;
    EXPECT_EQ(naming.status().code(), Code::kInvalid);
    EXPECT_THAT(naming.status().message(), HasSubstr(row.text));
    EXPECT_THAT(naming.status().message(), HasSubstr(row.reason));
  }
}

// The header's words, tried in every way, the longest first.
using Matched = std::vector<Segments>;  // of a wildcard: `*` one text, `**` segments

bool segment_parts(std::string_view pattern, std::string_view segment, Matched* parts) {
  if (pattern.empty()) return segment.empty();
  if (pattern[0] != '*') {
    return !segment.empty() && segment[0] == pattern[0] &&
           segment_parts(pattern.substr(1), segment.substr(1), parts);
  }
  for (size_t n = segment.size() + 1; n-- > 0;) {
    parts->push_back({std::string(segment.substr(0, n))});
    const size_t size = parts->size();
    if (segment_parts(pattern.substr(1), segment.substr(n), parts)) return true;
    parts->resize(size - 1);
  }
  return false;
}

// All ways of a segment are not tried together with the rest of the name: no need, as what a segment's
// wildcards take changes nothing for the others.
bool name_parts(const Segments& pattern, size_t p, const Segments& topic, size_t t, Matched* parts) {
  if (p == pattern.size()) return t == topic.size();
  const size_t size = parts->size();
  if (pattern[p] == "**") {
    for (size_t n = topic.size() - t + 1; n-- > 0;) {
      parts->push_back(Segments(topic.begin() + t, topic.begin() + t + n));
      if (name_parts(pattern, p + 1, topic, t + n, parts)) return true;
      parts->resize(size);
    }
    return false;
  }
  if (t < topic.size() && segment_parts(pattern[p], topic[t], parts) &&
      name_parts(pattern, p + 1, topic, t + 1, parts)) {
    return true;
  }
  parts->resize(size);
  return false;
}

std::optional<std::string> local(const Segments& pattern, const Segments& as, const Segments& topic) {
  Matched parts;
  if (!name_parts(pattern, 0, topic, 0, &parts)) return {};
  Segments out;
  auto part = parts.begin();
  for (const std::string& segment : as) {
    if (segment == "**") {
      out.insert(out.end(), part->begin(), part->end());
      ++part;
      continue;
    }
    std::string text;
    for (const char c : segment) text += c == '*' ? (part++)->at(0) : std::string(1, c);
    if (text.empty()) return {};
    out.push_back(text);
  }
  if (out.empty()) return {};
  return join(out);
}

TEST(Naming, AgreesWithASlowRenamerOnRandomRulesAndNames) {
  std::mt19937 random(2);
  const auto pick = [&](const Segments& words) { return words[random() % words.size()]; };
  const uint64_t rules = Scale::get().scaled(1'000, 10'000);
  uint64_t named = 0, other = 0;
  for (uint64_t i = 0; i < rules; ++i) {
    Segments pattern(1 + random() % 4);
    for (std::string& s : pattern) s = pick({"**", "**", "*", "a", "b", "a*", "*b", "a*b", "*a*"});
    if (join(pattern).find("**/**") != std::string::npos) continue;
    // The same wildcards in other company.
    Segments as;
    for (const std::string& s : pattern) {
      if (random() % 3 == 0) as.push_back(pick({"x", "y"}));
      if (s == "**") {
        if (!as.empty() && as.back() == "**") as.push_back("z");
        as.push_back(s);
      } else {
        for (const char c : s) {
          if (c != '*') continue;
          const bool joins = !as.empty() && as.back() != "**" && as.back().back() != '*' && random() % 2 == 0;
          if (!joins) as.push_back("");
          as.back() += pick({"*", "*", "a*", "*b"});
        }
      }
      if (as.empty() || random() % 3 == 0) as.push_back(pick({"x", "y"}));
    }
    const Naming naming = naming_of(rule_as(join(pattern), join(as)));
    for (int k = 0; k < 4; ++k) {
      Segments topic(1 + random() % 4);
      for (std::string& s : topic) s = pick({"a", "b", "ab", "ba", "aab", "x"});
      const std::optional<std::string> expected = local(pattern, as, topic);
      named += expected.has_value();
      other += expected.has_value() && *expected != join(topic);
      ASSERT_EQ(naming.local(join(topic), "p"), expected)
          << join(pattern) << " as " << join(as) << " of " << join(topic);
    }
  }
  EXPECT_GT(named, rules / 2);
  EXPECT_GT(other, rules * 2 / 5);
}

}  // namespace
}  // namespace smt::relay
