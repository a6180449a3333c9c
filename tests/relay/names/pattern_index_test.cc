// Many patterns at once say the same as one by one: first(), all(), and what rules and subscriptions make of
// them.
#include "relay/names/pattern_index.h"

#include <gtest/gtest.h>

#include <random>

#include "relay/rules/pacing.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/subscription.h"
#include "tests/scale.h"

namespace smt::relay {
namespace {

using Texts = std::vector<std::string>;

// Patterns and names of few words, so that they meet often.
class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  size_t below(size_t n) { return random_() % n; }
  std::string join(const Texts& words, size_t max) {
    std::string out;
    for (size_t n = 1 + below(max); n-- > 0;) out += (out.empty() ? "" : "/") + words[below(words.size())];
    return out;
  }
  std::string topic() { return join({"a", "b", "ab", "ba", "aab", "x", "smt", "größe"}, 4); }
  std::string pattern() {
    switch (below(8)) {
      case 0:
        return topic();
      case 1:
        return "re:" + join({"a+", "(a|b)*", ".*", "smt", "[^/]+", "a|b/x", "größe", "(?i)AB", "^a$"}, 3);
      default:
        return join({"**", "**", "*", "a", "b", "a*", "*b", "a*b", "smt", "größe"}, 4);
    }
  }
  Texts patterns(size_t max) {
    Texts out;
    for (size_t n = below(max + 1); n-- > 0;) out.push_back(pattern());
    return out;
  }
  Texts one_or_more(size_t max) {
    Texts out = patterns(max - 1);
    out.push_back(pattern());
    return out;
  }

 private:
  std::mt19937 random_;
};

std::vector<Pattern> parsed(const Texts& texts) {
  Result<std::vector<Pattern>> patterns = parse_patterns(texts);
  EXPECT_TRUE(patterns.ok()) << patterns.status().message();
  return patterns.ok() ? *patterns : std::vector<Pattern>();
}

std::vector<size_t> one_by_one(const std::vector<Pattern>& patterns, const std::string& topic) {
  std::vector<size_t> out;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (patterns[i].matches(topic)) out.push_back(i);
  }
  return out;
}

std::optional<size_t> first_of(const std::vector<size_t>& all) {
  return all.empty() ? std::nullopt : std::optional(all[0]);
}

// How many of the topics are matched.
size_t expect_the_same(const PatternIndex& index, const std::vector<Pattern>& patterns, const Texts& topics) {
  size_t matched = 0;
  for (const std::string& topic : topics) {
    const std::vector<size_t> expected = one_by_one(patterns, topic);
    EXPECT_EQ(index.all(topic), expected) << topic;
    EXPECT_EQ(index.first(topic), first_of(expected)) << topic;
    matched += !expected.empty();
  }
  return matched;
}

TEST(PatternIndex, SaysTheSameAsOneByOneOfRandomPatternsAndTopics) {
  Maker make(1);
  size_t at_once = 0, matched = 0, asked = 0;
  for (int i = 0; i < 300; ++i) {
    const std::vector<Pattern> patterns = parsed(make.patterns(i % 10 == 0 ? 200 : 12));
    const PatternIndex index(patterns);
    at_once += index.at_once();
    Texts topics;
    for (int k = 0; k < 50; ++k) topics.push_back(make.topic());
    matched += expect_the_same(index, patterns, topics);
    asked += topics.size();
  }
  EXPECT_GT(at_once, 150u);
  EXPECT_LT(at_once, 300u);
  EXPECT_GT(matched, asked / 4);
  EXPECT_LT(matched, asked);
}

TEST(PatternIndex, SaysTheSameWithHardlyAnyMemoryOrNone) {
  Maker make(2);
  Texts texts, topics;
  for (int i = 0; i < 300; ++i) texts.push_back(make.pattern());
  while (topics.size() < Scale::get().scaled(60, 300)) topics.push_back(make.topic());
  const std::vector<Pattern> patterns = parsed(texts);
  size_t at_once = 0, one_by_one = 0;
  for (int64_t bytes = 1; bytes < 4 << 20; bytes += bytes / 8 + 1) {
    const PatternIndex index(patterns, bytes);
    (index.at_once() ? at_once : one_by_one) += 1;
    EXPECT_GT(expect_the_same(index, patterns, topics), topics.size() / 3) << bytes;
  }
  EXPECT_GT(at_once, 0u);
  EXPECT_GT(one_by_one, 0u);
}

TEST(PatternIndex, TakesAsManyPatternsAsAMessageHolds) {
  Texts texts;
  for (size_t i = 0; i < kMaxPatterns; ++i) {
    const std::string n = std::to_string(i);
    texts.push_back(i % 4 == 0   ? "a" + n + "/**"
                    : i % 4 == 1 ? "**/b" + n
                    : i % 4 == 2 ? "c" + n + "/*/x"
                                 : "d/" + n);
  }
  const std::vector<Pattern> patterns = parsed(texts);
  const PatternIndex index(patterns);
  EXPECT_TRUE(index.at_once());
  Texts topics;
  for (const char* n : {"4", "5", "6", "7", "4092", "4093", "4094", "4095"}) {
    const std::string number = n;
    topics.insert(topics.end(),
                  {"a" + number + "/y/z", "y/z/b" + number, "c" + number + "/y/x", "d/" + number});
  }
  EXPECT_EQ(expect_the_same(index, patterns, topics), 8u);
}

TEST(PatternIndex, WithoutPatternsMatchesNothing) {
  EXPECT_EQ(PatternIndex().first("a"), std::nullopt);
  EXPECT_TRUE(PatternIndex(std::vector<Pattern>()).all("a").empty());
}

TEST(PatternSets, ManyPatternsDecideAsOneByOne) {
  Maker make(3);
  for (int i = 0; i < 100; ++i) {
    const Texts allow = make.one_or_more(40), deny = make.patterns(6);
    const std::vector<Pattern> allowing = parsed(allow), denying = parsed(deny);
    const Result<PatternSet> set = PatternSet::parse(allow, deny);
    ASSERT_TRUE(set.ok());
    for (int k = 0; k < 50; ++k) {
      const std::string topic = make.topic();
      const auto a = first_of(one_by_one(allowing, topic)), d = first_of(one_by_one(denying, topic));
      const PatternSet::Decision decision = set->decide(topic);
      EXPECT_EQ(decision.allowed, a && !d) << topic;
      EXPECT_EQ(decision.pattern, d ? &set->deny()[*d] : a ? &set->allow()[*a] : nullptr) << topic;
    }
  }
}

TEST(PatternSets, TellsEachSetOnceWithTheFirstOfItsPatterns) {
  const PatternSets sets({{parsed({"x", "a/*", "a/**", "**"}), parsed({"b", "a/b/**", "re:a/.*"})},
                          {parsed({"b"}), {}},
                          {parsed({"a/b", "a/b"}), {}}});
  const std::vector<PatternSets::Named> named = sets.named("a/b");
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].set, 0u);
  EXPECT_EQ(named[0].allow->text(), "a/*");
  EXPECT_EQ(named[0].deny->text(), "a/b/**");
  EXPECT_EQ(named[1].set, 2u);
  EXPECT_EQ(named[1].allow->text(), "a/b");
  EXPECT_EQ(named[1].deny, nullptr);
}

TEST(RuleSets, HundredsOfRulesDecideAsOneByOne) {
  Maker make(4);
  const uint64_t sets = Scale::get().scaled(4, 20);
  size_t decided = 0;
  for (uint64_t i = 0; i < sets; ++i) {
    std::vector<RuleSet::Rule> rules;
    std::vector<PatternSet> topics;
    for (int r = 0; r < 300; ++r) {
      rules.push_back({make.one_or_more(3), make.patterns(4), {r % 3 == 0 ? "*" : r % 3 == 1 ? "p*" : "q"}});
      topics.push_back(*PatternSet::parse(rules.back().topic, rules.back().exclude));
    }
    const Result<RuleSet> set = RuleSet::parse(rules);
    ASSERT_TRUE(set.ok()) << set.status().message();
    for (int k = 0; k < 100; ++k) {
      const std::string topic = make.topic(), peer = k % 2 == 0 ? "p1" : "q";
      std::optional<size_t> expected;
      for (size_t r = 0; r < rules.size() && !expected; ++r) {
        if (topics[r].matches(topic) && PatternSet::parse(rules[r].peers)->matches(peer)) expected = r;
      }
      EXPECT_EQ(set->decide(topic, peer), expected) << topic << " of " << peer;
      EXPECT_EQ(set->explain(topic, peer).rule, expected);
      decided += expected.has_value();
    }
  }
  EXPECT_GT(decided, 25 * sets);
}

TEST(SubscriptionSet, OfManySelectionsTheFirstOfEachGroupThatNamesATopicCounts) {
  Maker make(5);
  const uint64_t clients = Scale::get().scaled(4, 20);
  size_t requested = 0;
  for (uint64_t i = 0; i < clients; ++i) {
    std::vector<Subscription> selections;
    std::vector<PatternSet> sets;
    for (uint32_t n = 0; n < 300; ++n) {
      Subscription& s = selections.emplace_back();
      s.topic = make.one_or_more(2);
      s.exclude = make.patterns(3);
      s.group = n / 7;
      s.pacing.period_ns = static_cast<int64_t>(1 + make.below(1000));
      sets.push_back(*PatternSet::parse(s.topic, s.exclude));
    }
    const Result<SubscriptionSet> subscriptions = SubscriptionSet::compile(selections);
    ASSERT_TRUE(subscriptions.ok()) << subscriptions.status().message();
    for (int k = 0; k < 100; ++k) {
      const std::string topic = make.topic();
      std::optional<Pacing> expected;
      std::optional<uint32_t> last;
      for (size_t n = 0; n < sets.size(); ++n) {
        if (last == selections[n].group || !sets[n].matches(topic)) continue;
        last = selections[n].group;
        expected = expected ? more_of(*expected, selections[n].pacing) : selections[n].pacing;
      }
      EXPECT_EQ(subscriptions->pacing_for(topic), expected) << topic;
      EXPECT_EQ(subscriptions->matches(topic), expected.has_value()) << topic;
      requested += expected.has_value();
    }
  }
  EXPECT_GT(requested, 25 * clients);
}

}  // namespace
}  // namespace smt::relay
