// Who may do what, as rules decide it: by hand, and ten thousand random cases against another reading of the
// same rules.
#include "relay/rules/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/relay/access_rules.h"
#include "tests/row.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

class AccessTest : public testing::Test {
 protected:
  void compile(const AccessRules& rules) {
    const Status s = access_.compile(rules);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  // "read list" of what the peer may.
  std::string may(const std::string& peer, const std::string& topic) {
    std::string out;
    for (const Right right : {Right::kRead, Right::kList, Right::kWrite}) {
      if (access_.allows(peer, topic, right))
        out += (out.empty() ? "" : " ") + std::string(right_name(right));
    }
    return out;
  }
  std::string words(const std::string& peer, const std::string& topic, Right right) {
    return Access::words(peer, topic, access_.decide(peer, topic, right));
  }
  Access access_;
};

TEST_F(AccessTest, WithoutRulesAPeerMayAll) {
  EXPECT_EQ(may("anyone", "a/b"), "read list write");
  EXPECT_EQ(may("no name", "smt/x"), "read list write");
}

TEST_F(AccessTest, DenyWins) {
  compile({{allow_rule({"*"}, {"**"}, kAllRights), allow_rule({"p1"}, {"secret/key"}, kAllRights)},
           {deny_rule({"p*"}, {"secret/**"})}});
  EXPECT_EQ(may("p1", "secret/key"), "");
  EXPECT_EQ(may("q", "secret/key"), "read list write");
  EXPECT_EQ(may("p1", "a"), "read list write");
}

TEST_F(AccessTest, WhatNoAllowGivesIsDeniedOnlyOfRightsThatOneGives) {
  compile({{allow_rule({"p1"}, {"a/**"})}, {}});
  EXPECT_EQ(may("p1", "a/b"), "read list write");
  EXPECT_EQ(may("p1", "b"), "write");
  EXPECT_EQ(may("p2", "a/b"), "write");
  compile({{allow_rule({"p1"}, {"a/**"}, Rights(Right::kWrite))}, {}});
  EXPECT_EQ(may("p1", "a/b"), "read list write");
  EXPECT_EQ(may("p2", "a/b"), "read list");
}

TEST_F(AccessTest, ReadGivesListAndWithoutListNothingIsRead) {
  compile(
      {{allow_rule({"*"}, {"a"}, Rights(Right::kRead)), allow_rule({"*"}, {"b"}, Rights(Right::kList))}, {}});
  EXPECT_EQ(may("p1", "a"), "read list write");
  EXPECT_EQ(may("p1", "b"), "list write");
  compile(
      {{}, {deny_rule({"*"}, {"a"}, Rights(Right::kList)), deny_rule({"*"}, {"b"}, Rights(Right::kRead))}});
  EXPECT_EQ(may("p1", "a"), "write");
  EXPECT_EQ(may("p1", "b"), "list write");
  compile({{allow_rule({"*"}, {"b"}, Rights(Right::kList))}, {}});
  EXPECT_EQ(may("p1", "b"), "read list write");
  EXPECT_EQ(may("p1", "a"), "write") << "what may not be listed is not read";
}

TEST_F(AccessTest, AnExcludedTopicIsNotNamed) {
  DenyRule deny = deny_rule({"*"}, {"a/**"});
  deny.exclude = {"a/open"};
  compile({{}, {deny}});
  EXPECT_EQ(may("p1", "a/open"), "read list write");
  EXPECT_EQ(may("p1", "a/shut"), "");
}

TEST_F(AccessTest, APatternOfOneSegmentIsNoPrefix) {
  compile({{allow_rule({"r1"}, {"a/*"}, kAllRights)}, {}});
  EXPECT_EQ(may("r1", "a/x"), "read list write");
  for (const char* topic : {"ab/x", "a", "a/x/y", "b/a/x"}) EXPECT_EQ(may("r1", topic), "") << topic;
  for (const char* peer : {"r10", "r", "xr1"}) EXPECT_EQ(may(peer, "a/x"), "") << peer;
}

TEST_F(AccessTest, SystemTopicsAreNamedOnlyByPatternsThatBeginSo) {
  compile({{allow_rule({"*"}, {"**"})}, {deny_rule({"p2"}, {"smt/**"})}});
  EXPECT_EQ(may("p1", "smt/relay/x"), "write");
  compile({{}, {deny_rule({"p1"}, {"**"}), deny_rule({"p2"}, {"smt/**"})}});
  EXPECT_EQ(may("p1", "smt/relay/x"), "read list write");
  EXPECT_EQ(may("p2", "smt/relay/x"), "");
}

TEST_F(AccessTest, APeerWithoutAProperNameHasNoneOfTheRightsThatRulesAreAbout) {
  compile({{allow_rule({"**"}, {"**"}, kReadList)}, {deny_rule({"p1"}, {"**"}, Rights(Right::kRead))}});
  for (const char* peer : {"", "a/b", "smt/x", "\xff", "a b", "a\nb", ".x", "x.bell"})
    EXPECT_EQ(may(peer, "a"), "write") << peer;
  EXPECT_EQ(words("a b", "a", Right::kRead),
            "peer a b may not read a: it has no name that a rule could be for");
}

TEST_F(AccessTest, TheRuleThatDecidesIsTold) {
  compile({{allow_rule({"*"}, {"a/**"}, kReadList, "F:3:1"), allow_rule({"*"}, {"b"}, kReadList, "F:9:1")},
           {deny_rule({"*"}, {"a/x"}, kAllRights, "F:6:1")}});
  EXPECT_EQ(words("p1", "a/x", Right::kWrite), "peer p1 may not write a/x: denied by [[deny]] at F:6:1");
  EXPECT_EQ(words("p1", "c", Right::kList),
            "peer p1 may not list c: no [[allow]] gives it list (the first is at F:3:1)");
  EXPECT_EQ(access_.decide("p1", "b", Right::kRead).text(), "allowed by [[allow]] at F:9:1");
  EXPECT_EQ(access_.decide("p1", "b", Right::kWrite).text(), "no rule is about it");
}

TEST_F(AccessTest, ABadRuleChangesNothing) {
  compile({{}, {deny_rule({"*"}, {"a"})}});
  const Status bad = access_.compile({{allow_rule({"*"}, {"a//b"}, kReadList, "F:8:1")}, {}});
  EXPECT_THAT(bad.message(), HasSubstr("F:8:1: "));
  EXPECT_FALSE(access_.compile({{allow_rule({"a/b"}, {"a"})}, {}}).ok());
  EXPECT_EQ(may("p1", "a"), "");
}

TEST_F(AccessTest, WhoMayListAllIsPlainToSee) {
  EXPECT_TRUE(access_.may_list_all("p1"));
  compile({{allow_rule({"p1"}, {"**", "smt/**"}), allow_rule({"p2"}, {"**"})}, {deny_rule({"p3"}, {"x"})}});
  EXPECT_TRUE(access_.may_list_all("p1"));
  EXPECT_FALSE(access_.may_list_all("p2")) << "not what is below smt/";
  EXPECT_FALSE(access_.may_list_all("p3"));
  EXPECT_FALSE(access_.may_list_all("p4"));
  compile({{}, {deny_rule({"p1"}, {"x"}, Rights(Right::kRead)), deny_rule({"p2"}, {"x"})}});
  EXPECT_TRUE(access_.may_list_all("p1"));
  EXPECT_FALSE(access_.may_list_all("p2"));
}

TEST_F(AccessTest, RandomCasesAreDecidedAsTheRulesAreWritten) {
  const uint32_t seed = seed_of_run();
  AccessMaker make(seed);
  const uint64_t cases = Scale::get().scaled(2'000, 10'000);
  size_t allowed = 0, differences = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    const AccessRules rules = make.rules();
    compile(rules);
    const std::string peer = make.peer(), topic = make.topic();
    const Right right = static_cast<Right>(1u << make.below(3));
    const bool expected = should_allow(rules, peer, topic, right);
    const bool found = access_.allows(peer, topic, right);
    allowed += expected;
    if (found == expected) continue;
    ++differences;
    ADD_FAILURE() << peer << " " << right_name(right) << " " << topic << ": " << found << " by "
                  << shown(rules);
  }
  std::printf("%zu allowed, %zu differences\n", allowed, differences);
  EXPECT_GT(allowed, cases * 3 / 10);
  EXPECT_LT(allowed, cases * 9 / 10);
  print_row(
      Row{.id = "S3", .what = "rights in process", .n = cases, .violations = differences, .seed = seed});
}

}  // namespace
}  // namespace smt::relay
