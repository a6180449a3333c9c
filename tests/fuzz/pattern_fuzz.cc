// Patterns and names of topics (libFuzzer) against tests/relay/access_rules.h, which tries every way: which texts
// are patterns, what each matches and what its wildcards stand for, what many of them say at once, and
// whether two rules that give one name to two topics are found.
//
// Seeded bugs: relay/names/glob.cc, a `**` at the beginning that stands for one segment at least;
// relay/names/pattern_index.cc without may_name().

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/names/pattern_index.h"
#include "relay/names/pattern_set.h"
#include "relay/rules/naming.h"
#include "relay/rules/targets.h"
#include "shm/domain.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/relay/access_rules.h"

namespace {

using namespace smt;
using namespace smt::relay;
using fuzz::Expect;

constexpr size_t kMostTexts = 12, kMostWildcards = 6, kMostLength = 1030;

// What is no UTF-8 is no pattern either; name_fuzz.cc says what is.
bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}
bool IsExpression(const std::string& text) { return text.starts_with("re:"); }

// After relay/names/pattern.h alone. REQUIRES: no expression.
bool ShouldParse(const std::string& text) {
  if (text.empty() || text.size() > 1024) return false;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return false;
  const Texts segments = SegmentsOf(text);
  return std::all_of(segments.begin(), segments.end(), [](const std::string& segment) {
    return !segment.empty() && (segment == "**" || segment.find("**") == segment.npos);
  });
}

// The input as texts, one a line. In all but those that begin with a quotation mark each byte stands for a
// word, so that they meet often.
Texts Read(std::string_view input) {
  static constexpr const char* kWords[] = {"a", "b", "/",   "*", "**", "ab", "/", "smt/", "x",
                                           "ö", ".", "re:", "[", "+",  "(",  ")", "/**",  "**/"};
  Texts out;
  while (!input.empty() && out.size() < kMostTexts) {
    std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    std::string& text = out.emplace_back();
    if (line.starts_with('"')) {
      text = line.substr(1);
    } else {
      for (const unsigned char c : line) text += kWords[c % std::size(kWords)];
    }
    text.resize(std::min(text.size(), kMostLength));
  }
  return out;
}

// --- one pattern

// What the pattern is with its wildcards replaced by what they stand for.
std::string Filled(const std::string& pattern, const Texts& parts) {
  Texts segments;
  size_t at = 1;
  for (const std::string& segment : SegmentsOf(pattern)) {
    if (segment == "**") {
      if (!parts[at].empty()) segments.push_back(parts[at]);
      ++at;
      continue;
    }
    std::string filled;
    for (const char c : segment) {
      if (c == '*') Expect(parts[at].find('/') == std::string::npos, "a * of several segments");
      filled += c == '*' ? parts[at++] : std::string(1, c);
    }
    segments.push_back(filled);
  }
  Expect(at == parts.size(), "more parts than wildcards");
  std::string out;
  for (const std::string& segment : segments) out += (out.empty() ? "" : "/") + segment;
  return out;
}

void TryOne(const std::string& text, const Texts& topics) {
  const Result<Pattern> pattern = Pattern::parse(text), with_parts = Pattern::parse_with_parts(text);
  Expect(pattern.ok() == with_parts.ok(), "a pattern with parts only, or without only");
  Expect(pattern.ok() || !pattern.status().message().empty(), "an error without a sentence");
  if (!IsExpression(text) && (pattern.ok() || IsAscii(text)))
    Expect(pattern.ok() == ShouldParse(text), "a text that is a pattern by chance");
  if (!pattern.ok()) return;
  Expect(pattern->names_one_topic() == (text.find('*') == text.npos && !IsExpression(text)),
         "one topic or many");
  for (const std::string& topic : topics) {
    const auto parts = with_parts->parts(topic);
    Expect(parts.has_value() == pattern->matches(topic), "parts of what does not match");
    if (!IsExpression(text)) Expect(pattern->matches(topic) == AnyMatches({text}, topic), "another match");
    if (!parts) continue;
    Expect((*parts)[0] == topic && parts->size() == with_parts->number_of_parts() + 1, "other parts");
    if (!IsExpression(text)) Expect(Filled(text, *parts) == topic, "wildcards that stand for something else");
  }
}

// --- many at once

std::vector<size_t> OneByOne(const std::vector<Pattern>& patterns, const std::string& topic) {
  std::vector<size_t> out;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (IsExpression(patterns[i].text()) ? patterns[i].matches(topic)
                                         : AnyMatches({patterns[i].text()}, topic))
      out.push_back(i);
  }
  return out;
}

void TryMany(const Texts& texts, const Texts& topics) {
  const std::vector<Pattern> patterns = *ParsePatterns(texts);
  const size_t half = texts.size() / 2;
  const Texts allow(texts.begin() + static_cast<ptrdiff_t>(half), texts.end()),
      deny(texts.begin(), texts.begin() + static_cast<ptrdiff_t>(half));
  const Result<PatternSet> set = PatternSet::parse(allow, deny);
  Expect(set.ok(), "patterns that are none together");
  for (const int64_t most_bytes : {PatternIndex::kMostBytes, int64_t{4096}}) {
    const PatternIndex index(patterns, most_bytes);
    for (const std::string& topic : topics) {
      const std::vector<size_t> expected = OneByOne(patterns, topic);
      Expect(index.all(topic) == expected, "other patterns than one by one");
      Expect(index.first(topic) == (expected.empty() ? std::nullopt : std::optional(expected[0])),
             "not the first");
      const bool denied = !expected.empty() && expected[0] < half;
      const bool allowed = !expected.empty() && expected.back() >= half;
      const PatternSet::Decision decision = set->decide(topic);
      Expect(decision.allowed == (allowed && !denied), "deny does not win");
      Expect((decision.pattern != nullptr) == (allowed || denied), "decided by nobody");
    }
  }
}

// --- rules that name

// The rule that decides: the first that names it.
std::optional<size_t> Deciding(const std::vector<ReceiveRule>& rules, const std::string& topic,
                               const std::string& peer) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const ReceiveRule& r = rules[i];
    if (AnyMatches(r.topic, topic) && !AnyMatches(r.exclude, topic) && AnyMatches(r.from, peer)) return i;
  }
  return std::nullopt;
}

void TryRules(const Texts& texts, uint8_t how) {
  static const Texts kPrefixes = {"", "a", "{peer}", "a/b", "", "b{peer}"};
  std::vector<ReceiveRule> rules;
  std::vector<Naming> namings;
  for (size_t i = 0; i < std::min<size_t>(texts.size(), 3); ++i) {
    ReceiveRule rule;
    rule.topic = {texts[i]};
    rule.prefix = kPrefixes[(how + 5 * i) % kPrefixes.size()];
    rule.from = {(how >> i & 1) != 0 ? "*" : i % 2 == 0 ? "a*" : "*b"};
    if ((how >> i & 4) != 0 && texts.size() > 3) rule.exclude = {texts[3]};
    const Result<Naming> naming = Naming::parse(rule);
    if (!naming.ok()) return Expect(!naming.status().message().empty(), "an error without a sentence");
    namings.push_back(*naming);
    rules.push_back(std::move(rule));
  }
  const Result<std::optional<TargetClash>> found = FindTargetClash(rules);
  if (!found.ok()) return Expect(!found.status().message().empty(), "an error without a sentence");
  if (*found) {
    const TargetClash& clash = **found;
    Expect(clash.side[0].rule != clash.side[1].rule, "a clash of one rule");
    for (const TargetClash::Side& side : clash.side) {
      const Texts peers = side.peer.empty() ? Texts{"a", "b", "ab", "axb", "c"} : Texts{side.peer};
      Expect(std::any_of(peers.begin(), peers.end(),
                         [&](const std::string& peer) {
                           return Deciding(rules, side.topic, peer) == side.rule &&
                                  namings[side.rule].local(side.topic, peer) == clash.name;
                         }),
             "a clash that is none");
    }
    return;
  }
  static const Texts kTopics = {"a",   "b",   "ab",    "x",     "a/a",   "a/b",   "b/a",   "b/b",  "a/ab",
                                "x/a", "a/x", "a/a/b", "a/b/a", "a/b/b", "b/a/b", "a/a/a", "b/ab", "ab/a"};
  std::map<std::string, size_t> given;  // by which rule
  for (const std::string& topic : kTopics) {
    for (const char* peer : {"a", "b", "ab"}) {
      const std::optional<size_t> rule = Deciding(rules, topic, peer);
      if (!rule) continue;
      const std::optional<std::string> name = namings[*rule].local(topic, peer);
      if (!name) continue;
      const auto [first, is_new] = given.try_emplace(*name, *rule);
      const bool both_keep = namings[*rule].keeps_names() && namings[first->second].keeps_names();
      Expect(is_new || first->second == *rule || both_keep, "a clash that is not found");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Executed();
  Texts topics = {"a", "a/b", "smt/a"}, patterns, globs;
  for (const std::string& text : Read({reinterpret_cast<const char*>(data), size})) {
    if (CheckTopicName(text).ok()) topics.push_back(text);
    // The oracle's time is exponential in the wildcards, an expression's own matter.
    if (std::count(text.begin(), text.end(), '*') > static_cast<ptrdiff_t>(kMostWildcards)) continue;
    TryOne(text, topics);
    if (!Pattern::parse(text).ok()) continue;
    patterns.push_back(text);
    if (!IsExpression(text) && text.size() < 60) globs.push_back(text);
  }
  TryMany(patterns, topics);
  if (globs.size() >= 2) TryRules(globs, data[0]);
  return 0;
}
