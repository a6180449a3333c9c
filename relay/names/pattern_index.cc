#include "relay/names/pattern_index.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace smt::relay {
namespace {

// Of so few each is as fast alone.
constexpr size_t kFew = 3;

}  // namespace

struct PatternIndex::Shared {
  std::vector<Pattern> patterns;
  // Patterns that name one topic, by its name.
  std::unordered_map<std::string_view, std::vector<size_t>> exact;
  std::vector<size_t> others;          // all that are not in `exact`
  std::unique_ptr<re2::RE2::Set> set;  // of `others`, in their order; null: one by one
};

PatternIndex::PatternIndex(std::vector<Pattern> patterns, int64_t max_bytes) {
  if (patterns.empty()) return;
  auto shared = std::make_shared<Shared>();
  shared->patterns = std::move(patterns);
  for (size_t i = 0; i < shared->patterns.size(); ++i) {
    const Pattern& p = shared->patterns[i];
    if (p.names_one_topic()) {
      shared->exact[p.text()].push_back(i);
    } else {
      shared->others.push_back(i);
    }
  }
  if (shared->others.size() > kFew) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(max_bytes);
    auto set = std::make_unique<re2::RE2::Set>(options, re2::RE2::ANCHOR_BOTH);
    const bool added = std::all_of(shared->others.begin(), shared->others.end(), [&](size_t i) {
      return set->Add(shared->patterns[i].expression(), nullptr) >= 0;
    });
    if (added && set->Compile()) shared->set = std::move(set);
  }
  shared_ = std::move(shared);
}

template <class F>
void PatternIndex::for_each(std::string_view topic, F f) const {
  if (shared_ == nullptr) return;
  const Shared& s = *shared_;
  if (const auto exact = s.exact.find(topic); exact != s.exact.end()) {
    for (const size_t i : exact->second) f(i);
  }
  if (s.set != nullptr) {
    std::vector<int> found;
    re2::RE2::Set::ErrorInfo error{re2::RE2::Set::kNoError};
    const bool any = s.set->Match(re2::StringPiece(topic.data(), topic.size()), &found, &error);
    if (any || error.kind == re2::RE2::Set::kNoError) {
      for (const int k : found) {
        const size_t i = s.others[static_cast<size_t>(k)];
        if (s.patterns[i].may_name(topic)) f(i);
      }
      return;
    }
  }
  for (const size_t i : s.others) {
    if (s.patterns[i].matches(topic)) f(i);
  }
}

std::optional<size_t> PatternIndex::first(std::string_view topic) const {
  std::optional<size_t> min;
  for_each(topic, [&](size_t i) { min = std::min(i, min.value_or(i)); });
  return min;
}

std::vector<size_t> PatternIndex::all(std::string_view topic) const {
  std::vector<size_t> out;
  for_each(topic, [&](size_t i) { out.push_back(i); });
  std::sort(out.begin(), out.end());
  return out;
}

const std::vector<Pattern>& PatternIndex::patterns() const {
  static const std::vector<Pattern> kNone;
  return shared_ == nullptr ? kNone : shared_->patterns;
}

bool PatternIndex::at_once() const { return shared_ != nullptr && shared_->set != nullptr; }

}  // namespace smt::relay
