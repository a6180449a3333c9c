#include "relay/names/pattern_set.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace smt::relay {

Result<std::vector<Pattern>> parse_patterns(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  patterns.reserve(texts.size());
  for (const std::string& text : texts) {
    Result<Pattern> pattern = Pattern::parse(text);
    if (!pattern.ok()) return pattern.status();
    patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

Result<PatternSet> PatternSet::parse(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& deny) {
  PatternSet set;
  for (auto [texts, index] : {std::pair(&allow, &set.allow_), std::pair(&deny, &set.deny_)}) {
    Result<std::vector<Pattern>> patterns = parse_patterns(*texts);
    if (!patterns.ok()) return patterns.status();
    *index = PatternIndex(std::move(*patterns));
  }
  return set;
}

PatternSet::Decision PatternSet::decide(std::string_view topic) const {
  if (const std::optional<size_t> denied = deny_.first(topic)) return {false, &deny()[*denied]};
  if (const std::optional<size_t> allowed = allow_.first(topic)) return {true, &allow()[*allowed]};
  return {};
}

bool PatternSet::matches(std::string_view topic) const { return decide(topic).allowed; }

PatternSets::PatternSets(std::vector<Lists> sets) {
  std::vector<Pattern> allow;
  for (size_t i = 0; i < sets.size(); ++i) {
    for (Pattern& pattern : sets[i].allow) {
      allow.push_back(std::move(pattern));
      set_of_.push_back(i);
    }
    deny_.emplace_back(std::move(sets[i].deny));
  }
  allow_ = PatternIndex(std::move(allow));
}

std::vector<PatternSets::Named> PatternSets::named(std::string_view topic) const {
  std::vector<Named> out;
  for (const size_t pattern : allow_.all(topic)) {
    const size_t set = set_of_[pattern];
    if (!out.empty() && out.back().set == set) continue;
    Named& named = out.emplace_back(Named{set, &allow_.patterns()[pattern], nullptr});
    if (const std::optional<size_t> denied = deny_[set].first(topic))
      named.deny = &deny_[set].patterns()[*denied];
  }
  return out;
}

std::vector<std::string> unmatched_patterns(const PatternSet& set, const std::vector<std::string>& topics) {
  std::vector<std::string> out;
  for (const Pattern& pattern : set.allow()) {
    const bool found = std::any_of(topics.begin(), topics.end(),
                                   [&](const std::string& topic) { return pattern.matches(topic); });
    if (!found) out.push_back(pattern.text());
  }
  return out;
}

}  // namespace smt::relay
