// Patterns and names of topics (libFuzzer) against tests/relay/access_rules.h, which tries every way: which
// texts are patterns, what each matches and what its wildcards stand for, what many of them say at once, and
// whether two rules that give one name to two topics are found.

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
using fuzz::expect;

constexpr size_t kMaxTexts = 12, kMaxWildcards = 6, kMaxLength = 1030;

// What is no UTF-8 is no pattern either; name_fuzz.cc says what is.
bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}
bool is_expression(const std::string& text) { return text.starts_with("re:"); }

// After relay/names/pattern.h alone. REQUIRES: no expression.
bool should_parse(const std::string& text) {
  if (text.empty() || text.size() > 1024) return false;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return false;
  const Texts segments = segments_of(text);
  return std::all_of(segments.begin(), segments.end(), [](const std::string& segment) {
    return !segment.empty() && (segment == "**" || segment.find("**") == segment.npos);
  });
}

// The input as texts, one a line. In all but those that begin with a quotation mark each byte stands for a
// word, so that they meet often.
Texts read_texts(std::string_view input) {
  static constexpr const char* kWords[] = {"a", "b", "/",   "*", "**", "ab", "/", "smt/", "x",
                                           "ö", ".", "re:", "[", "+",  "(",  ")", "/**",  "**/"};
  Texts out;
  while (!input.empty() && out.size() < kMaxTexts) {
    std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    std::string& text = out.emplace_back();
    if (line.starts_with('"')) {
      text = line.substr(1);
    } else {
      for (const unsigned char c : line) text += kWords[c % std::size(kWords)];
    }
    text.resize(std::min(text.size(), kMaxLength));
  }
  return out;
}

// --- one pattern

// What the pattern is with its wildcards replaced by what they stand for.
std::string filled(const std::string& pattern, const Texts& parts) {
  Texts segments;
  size_t at = 1;
  for (const std::string& segment : segments_of(pattern)) {
    if (segment == "**") {
      if (!parts[at].empty()) segments.push_back(parts[at]);
      ++at;
      continue;
    }
    std::string filled;
    for (const char c : segment) {
      if (c == '*') expect(parts[at].find('/') == std::string::npos, "a * of several segments");
      filled += c == '*' ? parts[at++] : std::string(1, c);
    }
    segments.push_back(filled);
  }
  expect(at == parts.size(), "more parts than wildcards");
  std::string out;
  for (const std::string& segment : segments) out += (out.empty() ? "" : "/") + segment;
  return out;
}

void try_one(const std::string& text, const Texts& topics) {
  const Result<Pattern> pattern = Pattern::parse(text), with_parts = Pattern::parse_with_parts(text);
  expect(pattern.ok() == with_parts.ok(), "a pattern with parts only, or without only");
  expect(pattern.ok() || !pattern.status().message().empty(), "an error without a sentence");
  if (!is_expression(text) && (pattern.ok() || is_ascii(text)))
    expect(pattern.ok() == should_parse(text), "a text that is a pattern by chance");
  if (!pattern.ok()) return;
  expect(pattern->names_one_topic() == (text.find('*') == text.npos && !is_expression(text)),
         "one topic or many");
  for (const std::string& topic : topics) {
    const auto parts = with_parts->parts(topic);
    expect(parts.has_value() == pattern->matches(topic), "parts of what does not match");
    if (!is_expression(text)) expect(pattern->matches(topic) == any_matches({text}, topic), "another match");
    if (!parts) continue;
    expect((*parts)[0] == topic && parts->size() == with_parts->number_of_parts() + 1, "other parts");
    if (!is_expression(text))
      expect(filled(text, *parts) == topic, "wildcards that stand for something else");
  }
}

// --- many at once

std::vector<size_t> one_by_one(const std::vector<Pattern>& patterns, const std::string& topic) {
  std::vector<size_t> out;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (is_expression(patterns[i].text()) ? patterns[i].matches(topic)
                                          : any_matches({patterns[i].text()}, topic))
      out.push_back(i);
  }
  return out;
}

void try_many(const Texts& texts, const Texts& topics) {
  const std::vector<Pattern> patterns = *parse_patterns(texts);
  const size_t half = texts.size() / 2;
  const Texts allow(texts.begin() + static_cast<ptrdiff_t>(half), texts.end()),
      deny(texts.begin(), texts.begin() + static_cast<ptrdiff_t>(half));
  const Result<PatternSet> set = PatternSet::parse(allow, deny);
  expect(set.ok(), "patterns that are none together");
  for (const int64_t max_bytes : {PatternIndex::kMaxBytes, int64_t{4096}}) {
    const PatternIndex index(patterns, max_bytes);
    for (const std::string& topic : topics) {
      const std::vector<size_t> expected = one_by_one(patterns, topic);
      expect(index.all(topic) == expected, "other patterns than one by one");
      expect(index.first(topic) == (expected.empty() ? std::nullopt : std::optional(expected[0])),
             "not the first");
      const bool denied = !expected.empty() && expected[0] < half;
      const bool allowed = !expected.empty() && expected.back() >= half;
      const PatternSet::Decision decision = set->decide(topic);
      expect(decision.allowed == (allowed && !denied), "deny does not win");
      expect((decision.pattern != nullptr) == (allowed || denied), "decided by nobody");
    }
  }
}

// --- rules that name

// The rule that decides: the first that names it.
std::optional<size_t> deciding(const std::vector<ReceiveRule>& rules, const std::string& topic,
                               const std::string& peer) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const ReceiveRule& r = rules[i];
    if (any_matches(r.topic, topic) && !any_matches(r.exclude, topic) && any_matches(r.from, peer)) return i;
  }
  return std::nullopt;
}

void try_rules(const Texts& texts, uint8_t how) {
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
    if (!naming.ok()) return expect(!naming.status().message().empty(), "an error without a sentence");
    namings.push_back(*naming);
    rules.push_back(std::move(rule));
  }
  const Result<std::optional<TargetClash>> found = find_target_clash(rules);
  if (!found.ok()) return expect(!found.status().message().empty(), "an error without a sentence");
  if (*found) {
    const TargetClash& clash = **found;
    expect(clash.side[0].rule != clash.side[1].rule, "a clash of one rule");
    for (const TargetClash::Side& side : clash.side) {
      const Texts peers = side.peer.empty() ? Texts{"a", "b", "ab", "axb", "c"} : Texts{side.peer};
      expect(std::any_of(peers.begin(), peers.end(),
                         [&](const std::string& peer) {
                           return deciding(rules, side.topic, peer) == side.rule &&
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
      const std::optional<size_t> rule = deciding(rules, topic, peer);
      if (!rule) continue;
      const std::optional<std::string> name = namings[*rule].local(topic, peer);
      if (!name) continue;
      const auto [first, is_new] = given.try_emplace(*name, *rule);
      const bool both_keep = namings[*rule].keeps_names() && namings[first->second].keeps_names();
      expect(is_new || first->second == *rule || both_keep, "a clash that is not found");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::executed();
  Texts topics = {"a", "a/b", "smt/a"}, patterns, globs;
  for (const std::string& text : read_texts({reinterpret_cast<const char*>(data), size})) {
    if (check_topic_name(text).ok()) topics.push_back(text);
    // The oracle's time is exponential in the wildcards, an expression's own matter.
    if (std::count(text.begin(), text.end(), '*') > static_cast<ptrdiff_t>(kMaxWildcards)) continue;
    try_one(text, topics);
    if (!Pattern::parse(text).ok()) continue;
    patterns.push_back(text);
    if (!is_expression(text) && text.size() < 60) globs.push_back(text);
  }
  try_many(patterns, topics);
  if (globs.size() >= 2) try_rules(globs, data[0]);
  return 0;
}
