// Who may do what, as rules decide it: by hand, and ten thousand random cases against another reading of the
// same rules. Seeded bugs that must make this file fail: relay/rules/access.cc, compile() that puts [[allow]] first
// (deny does not win), or without "a sample names its topic"; NeededFor() of list alone; ClassOf() that knows
// every name; relay/names/glob.cc, AddSegment() that takes a `*` for "any text" over a '/' (a prefix slips).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/rules/access.h"
#include "tests/relay/access_rules.h"
#include "tests/row.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

class AccessTest : public testing::Test {
 protected:
  void Compile(const AccessRules& rules) {
    const Status s = access_.compile(rules);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  // "read list" of what the peer may.
  std::string May(const std::string& peer, const std::string& topic) {
    std::string out;
    for (const Right right : {Right::kRead, Right::kList, Right::kWrite}) {
      if (access_.allows(peer, topic, right)) out += (out.empty() ? "" : " ") + std::string(RightName(right));
    }
    return out;
  }
  std::string Words(const std::string& peer, const std::string& topic, Right right) {
    return Access::words(peer, topic, access_.decide(peer, topic, right));
  }
  Access access_;
};

TEST_F(AccessTest, WithoutRulesAPeerMayAll) {
  EXPECT_EQ(May("anyone", "a/b"), "read list write");
  EXPECT_EQ(May("no name", "smt/x"), "read list write");
}

TEST_F(AccessTest, DenyWins) {
  Compile({{Allow({"*"}, {"**"}, kAllRights), Allow({"p1"}, {"secret/key"}, kAllRights)},
           {Deny({"p*"}, {"secret/**"})}});
  EXPECT_EQ(May("p1", "secret/key"), "");
  EXPECT_EQ(May("q", "secret/key"), "read list write");
  EXPECT_EQ(May("p1", "a"), "read list write");
}

TEST_F(AccessTest, WhatNoAllowGivesIsDeniedOnlyOfRightsThatOneGives) {
  Compile({{Allow({"p1"}, {"a/**"})}, {}});
  EXPECT_EQ(May("p1", "a/b"), "read list write");
  EXPECT_EQ(May("p1", "b"), "write");
  EXPECT_EQ(May("p2", "a/b"), "write");
  Compile({{Allow({"p1"}, {"a/**"}, Rights(Right::kWrite))}, {}});
  EXPECT_EQ(May("p1", "a/b"), "read list write");
  EXPECT_EQ(May("p2", "a/b"), "read list");
}

TEST_F(AccessTest, ReadGivesListAndWithoutListNothingIsRead) {
  Compile({{Allow({"*"}, {"a"}, Rights(Right::kRead)), Allow({"*"}, {"b"}, Rights(Right::kList))}, {}});
  EXPECT_EQ(May("p1", "a"), "read list write");
  EXPECT_EQ(May("p1", "b"), "list write");
  Compile({{}, {Deny({"*"}, {"a"}, Rights(Right::kList)), Deny({"*"}, {"b"}, Rights(Right::kRead))}});
  EXPECT_EQ(May("p1", "a"), "write");
  EXPECT_EQ(May("p1", "b"), "list write");
  Compile({{Allow({"*"}, {"b"}, Rights(Right::kList))}, {}});
  EXPECT_EQ(May("p1", "b"), "read list write");
  EXPECT_EQ(May("p1", "a"), "write") << "what may not be listed is not read";
}

TEST_F(AccessTest, AnExcludedTopicIsNotNamed) {
  DenyRule deny = Deny({"*"}, {"a/**"});
  deny.exclude = {"a/open"};
  Compile({{}, {deny}});
  EXPECT_EQ(May("p1", "a/open"), "read list write");
  EXPECT_EQ(May("p1", "a/shut"), "");
}

TEST_F(AccessTest, APatternOfOneSegmentIsNoPrefix) {
  Compile({{Allow({"r1"}, {"a/*"}, kAllRights)}, {}});
  EXPECT_EQ(May("r1", "a/x"), "read list write");
  for (const char* topic : {"ab/x", "a", "a/x/y", "b/a/x"}) EXPECT_EQ(May("r1", topic), "") << topic;
  for (const char* peer : {"r10", "r", "xr1"}) EXPECT_EQ(May(peer, "a/x"), "") << peer;
}

TEST_F(AccessTest, SystemTopicsAreNamedOnlyByPatternsThatBeginSo) {
  Compile({{Allow({"*"}, {"**"})}, {Deny({"p2"}, {"smt/**"})}});
  EXPECT_EQ(May("p1", "smt/relay/x"), "write");
  Compile({{}, {Deny({"p1"}, {"**"}), Deny({"p2"}, {"smt/**"})}});
  EXPECT_EQ(May("p1", "smt/relay/x"), "read list write");
  EXPECT_EQ(May("p2", "smt/relay/x"), "");
}

TEST_F(AccessTest, APeerWithoutAProperNameHasNoneOfTheRightsThatRulesAreAbout) {
  Compile({{Allow({"**"}, {"**"}, kReadList)}, {Deny({"p1"}, {"**"}, Rights(Right::kRead))}});
  for (const char* peer : {"", "a/b", "smt/x", "\xff", "a b", "a\nb", ".x", "x.bell"})
    EXPECT_EQ(May(peer, "a"), "write") << peer;
  EXPECT_EQ(Words("a b", "a", Right::kRead),
            "peer a b may not read a: it has no name that a rule could be for");
}

TEST_F(AccessTest, TheRuleThatDecidesIsTold) {
  Compile({{Allow({"*"}, {"a/**"}, kReadList, "F:3:1"), Allow({"*"}, {"b"}, kReadList, "F:9:1")},
           {Deny({"*"}, {"a/x"}, kAllRights, "F:6:1")}});
  EXPECT_EQ(Words("p1", "a/x", Right::kWrite), "peer p1 may not write a/x: denied by [[deny]] at F:6:1");
  EXPECT_EQ(Words("p1", "c", Right::kList),
            "peer p1 may not list c: no [[allow]] gives it list (the first is at F:3:1)");
  EXPECT_EQ(access_.decide("p1", "b", Right::kRead).text(), "allowed by [[allow]] at F:9:1");
  EXPECT_EQ(access_.decide("p1", "b", Right::kWrite).text(), "no rule is about it");
}

TEST_F(AccessTest, ABadRuleChangesNothing) {
  Compile({{}, {Deny({"*"}, {"a"})}});
  const Status bad = access_.compile({{Allow({"*"}, {"a//b"}, kReadList, "F:8:1")}, {}});
  EXPECT_THAT(bad.message(), HasSubstr("F:8:1: "));
  EXPECT_FALSE(access_.compile({{Allow({"a/b"}, {"a"})}, {}}).ok());
  EXPECT_EQ(May("p1", "a"), "");
}

TEST_F(AccessTest, WhoMayListAllIsPlainToSee) {
  EXPECT_TRUE(access_.may_list_all("p1"));
  Compile({{Allow({"p1"}, {"**", "smt/**"}), Allow({"p2"}, {"**"})}, {Deny({"p3"}, {"x"})}});
  EXPECT_TRUE(access_.may_list_all("p1"));
  EXPECT_FALSE(access_.may_list_all("p2")) << "not what is below smt/";
  EXPECT_FALSE(access_.may_list_all("p3"));
  EXPECT_FALSE(access_.may_list_all("p4"));
  Compile({{}, {Deny({"p1"}, {"x"}, Rights(Right::kRead)), Deny({"p2"}, {"x"})}});
  EXPECT_TRUE(access_.may_list_all("p1"));
  EXPECT_FALSE(access_.may_list_all("p2"));
}

TEST_F(AccessTest, TenThousandRandomCasesAreDecidedAsTheRulesAreWritten) {
  const uint32_t seed = Seed();
  AccessMaker make(seed);
  size_t allowed = 0, differences = 0;
  for (int i = 0; i < 10'000; ++i) {
    const AccessRules rules = make.rules();
    Compile(rules);
    const std::string peer = make.peer(), topic = make.topic();
    const Right right = static_cast<Right>(1u << make.below(3));
    const bool expected = ShouldAllow(rules, peer, topic, right);
    const bool found = access_.allows(peer, topic, right);
    allowed += expected;
    if (found == expected) continue;
    ++differences;
    ADD_FAILURE() << peer << " " << RightName(right) << " " << topic << ": " << found << " by "
                  << Shown(rules);
  }
  std::printf("%zu allowed, %zu differences\n", allowed, differences);
  EXPECT_GT(allowed, 3000u);
  EXPECT_LT(allowed, 9000u);
  Print(Row{.id = "S3", .what = "rights in process", .n = 10'000, .violations = differences, .seed = seed});
}

}  // namespace
}  // namespace smt::relay
