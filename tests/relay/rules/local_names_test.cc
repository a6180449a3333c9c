// Which names topics may have here, whichever peers send them: a table, and a comparison with the rules
// themselves for all small names.
#include "relay/rules/local_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/rules/naming.h"
#include "relay/rules/rule_set.h"

namespace smt::relay {
namespace {

using Strings = std::vector<std::string>;

ReceiveRule rule(Strings topic, std::string prefix = "", std::string as = "", Strings from = {"*"},
                 Strings exclude = {}) {
  ReceiveRule made;
  made.topic = std::move(topic);
  made.prefix = std::move(prefix);
  made.as = std::move(as);
  made.from = std::move(from);
  made.exclude = std::move(exclude);
  return made;
}

LocalNames names_of(const std::vector<ReceiveRule>& rules) {
  Result<LocalNames> names = LocalNames::parse(rules);
  EXPECT_TRUE(names.ok()) << names.status().message();
  return names.ok() ? *names : LocalNames();
}

TEST(LocalNames, AreThoseOfTheTable) {
  const struct {
    std::vector<ReceiveRule> rules;
    Strings may, may_not;
  } kTable[] = {
      {{}, {"a", "smt/x"}, {}},
      {{rule({"**"})}, {"a", "a/b"}, {"smt/relay/base"}},
      {{rule({"arm/**"}, "", "", {"*"}, {"arm/tmp*"})}, {"arm", "arm/left"}, {"leg", "arm/tmp1"}},
      {{rule({"**"}, "r1")}, {"r1/a", "r1/a/b"}, {"r1", "r2/a", "a", "r1x/a"}},
      {{rule({"arm/*"}, "r1/")}, {"r1/arm/left"}, {"r1/leg", "r1/arm", "r1/arm/a/b"}},
      {{rule({"arm/*"}, "{peer}")}, {"robot/arm/left"}, {"arm/left", "robot/leg", "a/b/arm/left"}},
      {{rule({"**"}, "fleet/{peer}_x/y")},
       {"fleet/r_x/y/arm"},
       {"fleet/r/y/arm", "fleet/r_x/y", "r_x/y/arm"}},
      {{rule({"camera/front"}, "", "front")}, {"front"}, {"camera/front", "front/x"}},
      {{rule({"arm/**"}, "", "robot1/arm/**", {"*"}, {"arm/secret"})},
       {"robot1/arm", "robot1/arm/a"},
       {"arm", "robot1/armleft", "robot1/arm/secret"}},
      {{rule({"arm/*"}, "", "{peer}/*/arm")}, {"r/left/arm"}, {"left/arm", "r/left/leg"}},
      {{rule({"re:imu([0-9])"}, "", "imu/\\1")}, {"imu/3", "imu/anything"}, {"imu3", "leg"}},
      {{rule({"re:imu[0-9]"}, "r1")}, {"r1/imu3"}, {"r1/imux", "imu3"}},
      // What an earlier rule takes from all peers does not get to a later one, and from some peers it does.
      {{rule({"arm/**"}, "r1"), rule({"**"})}, {"r1/arm/a", "leg"}, {"arm/a", "arm"}},
      {{rule({"arm/**"}, "r1", "", {"robot1"}), rule({"**"})}, {"r1/arm/a", "leg", "arm/a"}, {}},
  };
  for (const auto& [rules, may, may_not] : kTable) {
    SCOPED_TRACE(rules.empty() ? "" : rules[0].topic[0] + " " + rules[0].prefix + rules[0].as);
    const LocalNames names = names_of(rules);
    for (const std::string& name : may) EXPECT_TRUE(names.may_have(name)) << name;
    for (const std::string& name : may_not) EXPECT_FALSE(names.may_have(name)) << name;
  }
  EXPECT_EQ(LocalNames::parse({rule({"a**"})}).status().code(), Code::kInvalid);
}

// Each name that a rule gives to a topic of some peer is one that topics may have here.
TEST(LocalNames, HaveEveryNameThatARuleGives) {
  const std::vector<std::vector<ReceiveRule>> kRules = {
      {rule({"**"}, "{peer}")},
      {rule({"a/**"}, "x"), rule({"**/b"}, "", "y/**/b"), rule({"*"})},
      {rule({"a/*"}, "", "{peer}/*"), rule({"re:(a|b)/(.*)"}, "", "z/\\2/\\1"), rule({"**"}, "", "", {"p1"})},
      {rule({"**"}, "", "", {"p*"}, {"a"}), rule({"a"}, "{peer}/{peer}", "", {"p2"}), rule({"**"}, "rest")},
  };
  Strings topics;
  for (const char* first : {"a", "b", "c"}) {
    topics.emplace_back(first);
    for (const char* second : {"a", "b"}) topics.push_back(std::string(first) + "/" + second);
  }
  for (const std::vector<ReceiveRule>& rules : kRules) {
    const LocalNames names = names_of(rules);
    const RuleSet set = *RuleSet::parse(rules);
    for (const std::string& topic : topics) {
      for (const char* peer : {"p1", "p2", "other"}) {
        const std::optional<size_t> index = set.decide(topic, peer);
        if (!index) continue;
        const std::optional<std::string> name = Naming::parse(rules[*index])->local(topic, peer);
        if (!name) continue;
        EXPECT_TRUE(names.may_have(*name)) << *name << " of " << topic << " from " << peer;
        if (rules[*index].topic[0].starts_with("re:")) continue;
        EXPECT_EQ(NamingBack(rules[*index], peer).original(*name), topic) << *name << " from " << peer;
      }
    }
  }
}

}  // namespace
}  // namespace smt::relay
