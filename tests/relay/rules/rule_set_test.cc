// Which rule decides about a topic, and why.
#include "relay/rules/rule_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace smt::relay {
namespace {

using ::testing::HasSubstr;
using Why = RuleSet::Why;

RuleSet rule_set_of(const std::vector<RuleSet::Rule>& rules) {
  Result<RuleSet> set = RuleSet::parse(rules);
  EXPECT_TRUE(set.ok()) << set.status().message();
  return set.ok() ? *set : RuleSet();
}

// Overlapping rules, as a robot has them.
RuleSet overlapping() {
  return rule_set_of({
      {{"arm/left"}, {}, {"base"}},                               // 0
      {{"arm/**"}, {"arm/secret/**", "**/tmp*"}, {"*"}},          // 1
      {{"arm/secret/key", "camera/*"}, {}, {"base", "proxy-*"}},  // 2
      {{"re:.*[0-9]"}, {"arm/**"}, {"re:r[0-9]+"}},               // 3
      {{"smt/**"}, {}, {"base"}},                                 // 4
  });
}

TEST(RuleSet, TheFirstRuleThatNamesTopicAndPeerDecides) {
  const struct {
    const char *topic, *peer;
    std::optional<size_t> rule;
  } kTable[] = {
      {"arm/left", "base", 0},        // rule 1 names it too
      {"arm/left", "other", 1},       // rule 0 is for base only
      {"arm", "other", 1},            //
      {"arm/secret/key", "base", 2},  // excluded from rule 1, named by rule 2
      {"arm/secret/key", "proxy-7", 2},
      {"arm/secret/key", "other", std::nullopt},
      {"arm/secret/door", "base", std::nullopt},  // exclude wins over topic
      {"arm/tmp0", "r1", std::nullopt},           // excluded twice: no topic of rule 3 either
      {"camera/front", "proxy-", 2},
      {"camera/front/1", "r12", 3},
      {"camera/front/1", "r12x", std::nullopt},
      {"camera/1", "r1", 3},
      {"camera/1", "base", 2},
      {"smt/relay/1", "r1", std::nullopt},  // not named by what does not begin with smt/
      {"smt/relay/1", "base", 4},
      {"camera/front", "", std::nullopt},
      {"camera/1", "r1\n", std::nullopt},
      {"arm", "a/b", std::nullopt},  // `*` is one segment
  };
  const RuleSet set = overlapping();
  for (const auto& row : kTable) {
    EXPECT_EQ(set.decide(row.topic, row.peer), row.rule) << row.topic << " of " << row.peer;
    const RuleSet::Decision why = set.explain(row.topic, row.peer);
    EXPECT_EQ(why.rule, row.rule) << row.topic << " of " << row.peer;
    EXPECT_EQ(why.why == Why::kPasses, row.rule.has_value());
  }
}

TEST(RuleSet, ExplainsWithThePatternOfTheRuleThatDecidesOrCameNearest) {
  const struct {
    const char* topic;
    std::optional<std::string_view> peer;
    Why why;
    std::optional<size_t> rule, nearest;
    const char* pattern;
  } kTable[] = {
      {"arm/left", "base", Why::kPasses, 0, {}, "arm/left"},
      {"arm/left", "other", Why::kPasses, 1, {}, "arm/**"},
      {"camera/front", "base", Why::kPasses, 2, {}, "camera/*"},
      {"arm/secret/door", "base", Why::kExcluded, {}, 1, "arm/secret/**"},
      {"arm/x/tmp1", "r1", Why::kExcluded, {}, 1, "**/tmp*"},
      // Excluded by a rule for this peer is nearer than named by one for others.
      {"arm/secret/key", "other", Why::kExcluded, {}, 1, "arm/secret/**"},
      {"camera/front", "other", Why::kOtherPeer, {}, 2, "camera/*"},
      {"wheel/1", "base", Why::kOtherPeer, {}, 3, "re:.*[0-9]"},
      {"wheel", "base", Why::kNotNamed, {}, {}, nullptr},
      {"x/tmp", "base", Why::kNotNamed, {}, {}, nullptr},  // an exclude alone is no reason
      {"wheel/1", std::nullopt, Why::kPasses, 3, {}, "re:.*[0-9]"},
      {"arm/left", std::nullopt, Why::kPasses, 0, {}, "arm/left"},
      {"arm/secret/door", std::nullopt, Why::kExcluded, {}, 1, "arm/secret/**"},
  };
  const RuleSet set = overlapping();
  for (const auto& row : kTable) {
    const RuleSet::Decision d = set.explain(row.topic, row.peer);
    EXPECT_EQ(d.why, row.why) << row.topic;
    EXPECT_EQ(d.rule, row.rule) << row.topic;
    EXPECT_EQ(d.nearest, row.nearest) << row.topic;
    EXPECT_EQ(d.pattern == nullptr ? "" : d.pattern->text(), row.pattern == nullptr ? "" : row.pattern);
  }
}

TEST(RuleSet, RefusesABadRuleWithItsNumberAndThePattern) {
  const RuleSet::Rule good = {{"**"}, {}, {"*"}};
  const struct {
    RuleSet::Rule rule;
    const char* reason;
  } kTable[] = {
      {{{"a//b"}, {}, {"*"}}, "pattern \"a//b\": empty segment"},
      {{{"a"}, {"re:["}, {"*"}}, "pattern \"re:[\": missing ]"},
      {{{"a"}, {}, {"r**"}}, "pattern \"r**\": "},
      {{{"a"}, {}, {"a/*"}}, "pattern \"a/*\": no name of a peer has a '/'"},
      {{{"a"}, {}, {"base", "r 1"}}, "peer name 'r 1'"},
      {{{}, {}, {"*"}}, "names no topic"},
      {{{"a"}, {}, {}}, "names no peer"},
  };
  for (const auto& row : kTable) {
    Result<RuleSet> set = RuleSet::parse({good, row.rule, good});
    ASSERT_FALSE(set.ok()) << row.reason;
    EXPECT_EQ(set.status().code(), Code::kInvalid);
    EXPECT_THAT(set.status().message(), HasSubstr("rule 2: "));
    EXPECT_THAT(set.status().message(), HasSubstr(row.reason));
  }
}

TEST(RuleSet, IsMadeOfSendRulesAndOfReceiveRules) {
  SendRule send;
  send.exclude = {"b"};
  send.to = {"base"};
  Result<RuleSet> sends = RuleSet::parse(std::vector<SendRule>{send});
  ASSERT_TRUE(sends.ok());
  EXPECT_EQ(sends->decide("a", "base"), 0u);
  EXPECT_EQ(sends->decide("a", "robot"), std::nullopt);
  EXPECT_EQ(sends->decide("b", "base"), std::nullopt);
  ReceiveRule receive;
  receive.topic = {"a"};
  receive.from = {"robot"};
  Result<RuleSet> receives = RuleSet::parse(std::vector<ReceiveRule>{receive, {}});
  ASSERT_TRUE(receives.ok());
  EXPECT_EQ(receives->decide("a", "robot"), 0u);
  EXPECT_EQ(receives->decide("a", "base"), 1u);
  EXPECT_EQ(receives->size(), 2u);
}

TEST(RuleSet, WithoutRulesDecidesAboutNothing) {
  EXPECT_EQ(RuleSet().decide("a", "p"), std::nullopt);
  EXPECT_EQ(RuleSet().explain("a", "p").why, Why::kNotNamed);
}

}  // namespace
}  // namespace smt::relay
