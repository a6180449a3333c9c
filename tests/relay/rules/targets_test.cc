// Two rules on one name here are found out, and nothing else is: a table of rules as people write them, and a
// search through all small names for everything else.
#include "relay/rules/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>
#include <set>

#include "relay/rules/naming.h"
#include "relay/rules/rule_set.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

struct Rule {
  Strings topic;
  std::string prefix = {}, as = {};
  Strings from = {"*"}, exclude = {};
};

std::vector<ReceiveRule> make(const std::vector<Rule>& rules) {
  std::vector<ReceiveRule> out;
  for (const Rule& rule : rules) {
    ReceiveRule made;
    made.topic = rule.topic;
    made.exclude = rule.exclude;
    made.from = rule.from;
    made.prefix = rule.prefix;
    made.as = rule.as;
    out.push_back(made);
  }
  return out;
}

std::string rules_text(const std::vector<Rule>& rules) {
  std::string out;
  const auto list = [](const Strings& s) {
    std::string text;
    for (const std::string& x : s) text += " " + x;
    return text;
  };
  for (const Rule& r : rules) {
    out += "{" + list(r.topic) + " from" + list(r.from) + " exclude" + list(r.exclude) + " prefix " +
           r.prefix + " as " + r.as + "} ";
  }
  return out;
}

TEST(Targets, FindsTheClashesOfTheTableWithAShortestExample) {
  const struct {
    std::vector<Rule> rules;
    const char* name;  // null: no clash
  } kTable[] = {
      // Renames to one name.
      {{{{"a"}, "", "x"}, {{"b"}, "", "x"}}, "x"},
      {{{{"a"}, "", "x"}, {{"b"}, "", "y"}}, nullptr},
      {{{{"a"}, "", "x"}, {{"x"}}}, "x"},
      {{{{"a"}, "", "x"}, {{"**"}}}, "x"},
      {{{{"a"}, "", "x"}, {{"**"}, "", "", {"*"}, {"x"}}}, nullptr},
      {{{{"arm/*"}, "", "m/*"}, {{"leg/*"}, "", "m/*"}}, "m/x"},
      {{{{"arm/*"}, "", "x/*"}, {{"leg/*"}, "", "y/*"}}, nullptr},
      {{{{"arm/*"}, "", "x/*"}, {{"leg/*/*"}, "", "x/*/*"}}, nullptr},
      {{{{"arm/a*"}, "", "x/a*"}, {{"leg/*b"}, "", "x/*b"}}, "x/ab"},
      {{{{"arm/**"}, "", "x/**"}, {{"leg"}, "", "x"}}, "x"},
      {{{{"ä/*"}, "", "x/*ö"}, {{"ü/*"}, "", "x/ä*"}}, "x/äö"},
      {{{{"a/*"}, "", "x*"}, {{"b"}, "", "x"}}, nullptr},      // a/ is no topic
      {{{{"a/*/b"}, "", "x*y"}, {{"b"}, "", "xy"}}, nullptr},  // nor is a//b
      {{{{"**"}, "", "x/**", {"a"}}, {{"x"}, "", "", {"b"}}}, nullptr},
      {{{{"**"}, "", "x/**", {"a"}}, {{"x/a"}, "", "", {"b"}}}, "x/a"},
      {{{{"arm/**"}, "", "**/x"}, {{"x"}, "", "", {"b"}}}, "x"},
      // A prefix that runs into others.
      {{{{"r1/**"}}, {{"**"}, "r1"}}, "r1/x"},
      {{{{"r1/*/**"}}, {{"**"}, "r1"}}, "r1/x"},
      {{{{"r1/**"}}, {{"**"}, "r1", "", {"*"}, {"smt/**"}}}, "r1/x"},
      {{{{"**"}, "r1", "", {"a"}}, {{"r1/**"}, "", "", {"b"}}}, "r1/x"},
      {{{{"**"}, "r1"}, {{"r1/**"}}}, nullptr},  // nothing gets to the second
      {{{{"**"}, "r1", "", {"a"}}, {{"**"}, "", "", {"b"}}}, "r1/x"},
      {{{{"**"}, "r1", "", {"a"}}, {{"**"}, "", "", {"b"}, {"r1/**"}}}, nullptr},
      {{{{"**"}, "r1", "", {"a"}}, {{"**"}, "r1/r2", "", {"b"}}}, "r1/r2/x"},
      {{{{"**"}, "r1", "", {"a"}}, {{"**"}, "r12", "", {"b"}}}, nullptr},
      // Robots.
      {{{{"**"}, "r", "", {"r1"}}, {{"**"}, "r", "", {"r2"}}}, "r/x"},
      {{{{"**"}, "r1", "", {"r1"}}, {{"**"}, "r2", "", {"r2"}}}, nullptr},
      {{{{"**"}, "", "", {"r1"}}, {{"**"}, "", "", {"r2"}}}, nullptr},
      {{{{"**"}, "{peer}", "", {"r1"}}, {{"**"}, "{peer}", "", {"r2"}}}, nullptr},
      {{{{"**"}, "{peer}", "", {"r*"}}, {{"**"}, "{peer}", "", {"s*"}}}, nullptr},
      {{{{"**"}, "{peer}", "", {"r1"}}, {{"**"}, "r1", "", {"r2"}}}, "r1/x"},
      {{{{"**"}, "{peer}", "", {"*1"}}, {{"**"}, "r1", "", {"r2"}}}, "r1/x"},
      {{{{"**"}, "{peer}", "", {"*2"}}, {{"**"}, "r1", "", {"r2"}}}, nullptr},
      {{{{"cmd/**"}, "", "", {"base"}}, {{"**"}, "{peer}"}}, "cmd/x"},
      {{{{"cmd/**"}, "", "", {"base"}}, {{"**"}, "{peer}", "", {"r1", "r2"}}}, nullptr},
      {{{{"arm/**"}, "{peer}"}, {{"**"}, "{peer}"}}, nullptr},
      {{{{"arm/**"}, "{peer}", "", {"r1"}}, {{"**"}, "{peer}"}}, nullptr},
      {{{{"a"}, "", "{peer}/c"}, {{"b"}, "", "{peer}/c"}}, "x/c"},
      {{{{"a"}, "", "{peer}/x"}, {{"b"}, "", "x/{peer}"}}, "x/x"},
      {{{{"a"}, "", "{peer}/{peer}"}, {{"b"}, "", "x/y"}}, nullptr},
      {{{{"a"}, "", "a.b/{peer}"}, {{"b"}, "", "a.b/ä"}}, nullptr},
      {{{{"*b"}, "", "{peer}/*", {"r1"}}, {{"b*"}, "", "{peer}/*b"}}, "r1/xb"},  // r1/b is b of r1 by both
      // The first rule that names a topic decides.
      {{{{"arm/**"}, "r1"}, {{"**"}, "r1"}}, nullptr},
      {{{{"**"}, "r1"}, {{"arm/**"}, "r1"}}, nullptr},
      {{{{"arm/**"}, "r1"}, {{"**"}, "r1/"}, {{"leg"}, "r1"}}, nullptr},
      {{{{"arm/**"}, "r", "", {"r1"}}, {{"**"}, "r", "", {"r1", "r2"}}}, "r/arm"},
      {{{{"arm/**"}, "r", "", {"r*"}}, {{"**"}, "r", "", {"r1", "r2"}}}, nullptr},
      {{{{"arm/left"}, "", "x/left"}, {{"arm/*"}, "", "x/*"}}, nullptr},
      {{{{"arm/*"}, "", "x/*"}, {{"arm/**"}, "", "x/**"}}, nullptr},
      {{{{"arm/**"}, "", "r1/arm/**"}, {{"**"}, "r1"}}, nullptr},
      {{{{"arm/**"}, "r1", "", {"*"}, {"arm/tmp"}}, {{"**"}, "r1"}}, nullptr},
      {{{{"arm/**"}, "r1", "", {"*"}, {"arm/tmp"}}, {{"**"}}}, "r1/arm"},
      {{{{"x"}, "hidden"}, {{"a"}, "", "y"}, {{"x"}, "", "y"}}, nullptr},
      {{{{"a"}, "", "x"}, {{"a"}, "", "x"}}, nullptr},
      // What the system tells about itself.
      {{{{"smt/**"}, "r1", "", {"a"}}, {{"**"}, "r1", "", {"b"}}}, "r1/smt"},
      {{{{"smt/*/**"}, "r1", "", {"a"}}, {{"**"}, "r1", "", {"b"}}}, nullptr},
      {{{{"**"}, "q", "", {"a"}}, {{"smt/*/**"}, "r1", "", {"a"}}, {{"smt/a"}, "r1", "", {"b"}}}, "r1/smt/a"},
      {{{{"smt/relay/*"}, "", "b/*"}, {{"a/*"}, "", "b/*"}}, "b/x"},
      {{{{"**"}, "smt", "", {"a"}}, {{"**"}, "", "", {"b"}}}, nullptr},
      // Expressions: only what is sure.
      {{{{"re:a|b"}, "", "x"}, {{"**"}, "", "", {"b"}}}, "x"},
      {{{{"re:(a)"}, "", "x/\\1"}, {{"**"}, "x", "", {"b"}}}, nullptr},
      {{{{"re:.*"}, "r1"}, {{"r1/**"}, "", "", {"b"}}}, nullptr},
      {{{{"re:a|b"}, "", "x"}, {{"b"}, "", "x"}}, nullptr},
      {{{{"a"}, "", "x"}, {{"b"}, "", "x", {"*"}, {"re:b"}}}, nullptr},
      {{{{"a"}, "", "x"}, {{"b"}, "", "x", {"*"}, {"re:bb"}}}, "x"},
  };
  for (const auto& row : kTable) {
    Result<std::optional<TargetClash>> clash = find_target_clash(make(row.rules));
    ASSERT_TRUE(clash.ok()) << rules_text(row.rules) << clash.status().message();
    EXPECT_EQ(*clash ? (*clash)->name : "(none)", row.name == nullptr ? "(none)" : row.name)
        << rules_text(row.rules);
    EXPECT_EQ(check_targets(make(row.rules)).ok(), row.name == nullptr);
  }
}

TEST(Targets, AClashIsToldWithBothRulesTheNameAndWhatToDo) {
  const Status s = check_targets(make(
      {{{"x"}, "q"}, {{"leg/*", "arm/*"}, "{peer}", "", {"r1", "r2"}}, {{"**"}, "r2/arm", "", {"base"}}}));
  ASSERT_EQ(s.code(), Code::kInvalid);
  for (const char* part :
       {"rule 2 (topic \"arm/*\" from r1, r2, prefix \"{peer}\")",
        "rule 3 (topic \"**\" from base, prefix \"r2/arm\")",
        "r2/arm/y would be topic arm/y of peer r2 by rule 2 and topic y by rule 3", "exclude"}) {
    EXPECT_THAT(s.message(), HasSubstr(part));
  }
}

TEST(Targets, ABadRuleIsRefusedWithItsNumber) {
  EXPECT_THAT(check_targets(make({{{"a"}}, {{"a//b"}}})).message(), HasSubstr("rule 2: pattern \"a//b\""));
  EXPECT_THAT(check_targets(make({{{"a"}}, {{"a"}, "{x}"}})).message(), HasSubstr("rule 2: prefix \"{x}\""));
}

TEST(Targets, LongPatternsOfPeopleAreCompared) {
  const std::string
      a = "**/observatory*/**/multispectral_camera_*/*_raw/**/calibration_of_the_left_side_*/**/image",
      b = "**/observatory_north/**/*_camera_*/**/calibration_of_the_*_side_7/**/";
  const std::vector<Rule> apart = {{{a}, "r", "", {"p"}}, {{b + "depth"}, "r", "", {"q"}}};
  EXPECT_TRUE(check_targets(make(apart)).ok()) << check_targets(make(apart)).message();
  EXPECT_THAT(check_targets(make({{{a}, "r", "", {"p"}}, {{b + "image"}, "r", "", {"q"}}})).message(),
              HasSubstr("can give two topics one name: r/observatory_north/multispectral_camera_/_raw/"
                        "calibration_of_the_left_side_7/image would be"));
}

TEST(Targets, RulesWithPatternsMadeToTakeLongAreRefusedSoon) {
  std::string a, b;
  while (a.size() < 1000) a += "*a", b += "*b";
  const auto begin = std::chrono::steady_clock::now();
  const Status s = check_targets(make({{{a + "c"}, "r", "", {"p"}}, {{b + "d"}, "r", "", {"q"}}}));
  EXPECT_THAT(s.message(), HasSubstr("cannot be compared"));
  EXPECT_THAT(s.message(), HasSubstr("rule 1"));
  Strings exclude;
  for (int i = 0; i < 20; ++i)
    exclude.push_back("*" + std::string(1, "ab"[i % 2]) + a.substr(0, 40 + i) + "*");
  (void)check_targets(make({{{"**"}, "r", "", {"p"}, exclude}, {{"**/*a" + a}, "r", "", {"q"}, exclude}}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

// Everything small: topics of one to three segments of four words.
Strings all_topics() {
  const Strings words = {"a", "b", "p", "ab"};
  Strings out = words;
  for (size_t begin = 0, depth = 1; depth < 3; ++depth) {
    const size_t end = out.size();
    for (size_t i = begin; i < end; ++i) {
      for (const std::string& word : words) out.push_back(out[i] + "/" + word);
    }
    begin = end;
  }
  return out;
}

TEST(Targets, AgreesWithASearchThroughAllSmallNamesOnRandomRules) {
  std::mt19937 random(3);
  const auto pick = [&](const Strings& words) { return words[random() % words.size()]; };
  const Strings topics = all_topics(), peers = {"p", "q", "a", "b", "ab"};
  const uint64_t cases = Scale::get().scaled(1'000, 10'000);
  uint64_t clashes = 0, found_by_search = 0, none = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    std::vector<Rule> rules(2 + random() % 2);
    for (Rule& rule : rules) {
      rule.topic = {
          pick({"a", "b", "a/b", "*", "a/*", "*/b", "**", "a/**", "**/b", "a*", "*b/*", "a/**/b", "p/**"})};
      rule.from = {pick({"*", "*", "p", "q", "*b", "a*"})};
      if (random() % 4 == 0) rule.from.push_back(pick({"p", "q"}));
      if (random() % 4 == 0) rule.exclude = {pick({"a", "a/**", "*/b", "**/b", "p/*", "b*"})};
      const int mapping = random() % 3;
      if (mapping == 0) rule.prefix = pick({"a", "p", "{peer}", "a{peer}", "p/{peer}", "a/"});
      if (mapping == 1) {
        Strings shapes;
        const std::string& topic = rule.topic[0];
        const size_t stars =
            topic.find("**") != topic.npos ? 100 : std::count(topic.begin(), topic.end(), '*');
        if (stars == 0) shapes = {"a", "b", "a/p", "{peer}/a", "ab", "p/{peer}"};
        if (stars == 1) shapes = {"*", "a/*", "*/a", "b*", "{peer}/*", "*/{peer}", "p/*b"};
        if (stars == 2) shapes = {"*/*", "a/*/*", "a*b*", "*/{peer}/*"};
        if (stars == 100) shapes = {"**", "p/**", "**/a", "b/**/p", "{peer}/**", "a{peer}/**", "**/{peer}"};
        rule.as = pick(shapes);
      } else if (mapping == 2 && random() % 4 == 0) {
        rule.topic.push_back(pick({"b/**", "ab"}));
      }
    }
    const std::vector<ReceiveRule> made = make(rules);
    Result<std::optional<TargetClash>> clash = find_target_clash(made);
    ASSERT_TRUE(clash.ok()) << rules_text(rules) << clash.status().message();
    Result<RuleSet> set = RuleSet::parse(made);
    ASSERT_TRUE(set.ok());
    std::vector<Naming> namings;
    for (const ReceiveRule& rule : made) {
      Result<Naming> naming = Naming::parse(rule);
      ASSERT_TRUE(naming.ok()) << rules_text(rules) << naming.status().message();
      namings.push_back(*naming);
    }
    const auto keeps = [&](size_t r) { return made[r].as == made[r].topic[0] || namings[r].keeps_names(); };

    if (*clash) {
      // The example is true: there are peers from which these topics come to this name by these rules.
      ++clashes;
      const TargetClash& c = **clash;
      ASSERT_NE(c.side[0].rule, c.side[1].rule);
      ASSERT_FALSE(keeps(c.side[0].rule) && keeps(c.side[1].rule)) << rules_text(rules);
      for (const TargetClash::Side& side : c.side) {
        Strings candidates = peers;
        for (const char* other : {"c", "xb", "ax"}) candidates.push_back(other);
        if (!side.peer.empty()) candidates = {side.peer};
        bool stands = false;
        for (const std::string& peer : candidates) {
          stands = stands || (set->decide(side.topic, peer) == side.rule &&
                              namings[side.rule].local(side.topic, peer) == c.name);
        }
        ASSERT_TRUE(stands) << rules_text(rules) << c.name << " of " << side.topic << " by " << side.rule;
      }
      continue;
    }
    ++none;
    std::map<std::string, size_t> taken;  // a name here -> the rule that gave it
    for (const std::string& topic : topics) {
      for (const std::string& peer : peers) {
        const std::optional<size_t> rule = set->decide(topic, peer);
        if (!rule) continue;
        const std::optional<std::string> name = namings[*rule].local(topic, peer);
        if (!name) continue;
        const auto [first, is_new] = taken.try_emplace(*name, *rule);
        if (!is_new && first->second != *rule && !(keeps(*rule) && keeps(first->second))) {
          ADD_FAILURE() << rules_text(rules) << *name << " of " << topic << " of " << peer << " by " << *rule
                        << " and " << first->second;
          if (++found_by_search == 5) return;
        }
      }
    }
  }
  EXPECT_GT(clashes, cases / 5);
  EXPECT_GT(none, cases / 5);
}

}  // namespace
}  // namespace smt::relay
