#include "relay/names/near_names.h"

#include <algorithm>

namespace smt::relay {

size_t edit_distance(std::string_view a, std::string_view b, size_t max) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > max) return max + 1;
  // Rows of the table of distances between beginnings of both; only the last three are needed.
  std::vector<size_t> before, above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.end()) > max) return max + 1;
    before = above;
    above = row;
  }
  return std::min(above[b.size()], max + 1);
}

void NearNames::add(const std::string& name) {
  ++looked_at_;
  const std::string &shorter = name.size() < wanted_.size() ? name : wanted_,
                    &longer = name.size() < wanted_.size() ? wanted_ : name;
  if (longer.size() > shorter.size() && longer.ends_with(shorter) &&
      longer[longer.size() - shorter.size() - 1] == '/') {
    prefixed_.emplace_back(longer.size() - shorter.size(), name);
    return;
  }
  const size_t max = std::min<size_t>(3, 1 + wanted_.size() / 5);
  const size_t distance = edit_distance(wanted_, name, max);
  if (distance <= max) similar_.emplace_back(distance, name);
}

std::vector<std::string> NearNames::best_of(Ranked names, size_t max) {
  std::sort(names.begin(), names.end());
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(max, names.size()); ++i) out.push_back(names[i].second);
  return out;
}

std::string_view did_you_mean(std::string_view text, const std::vector<std::string_view>& candidates) {
  constexpr size_t kMaxText = 64;
  std::string_view best;
  if (text.size() > kMaxText) return best;
  size_t min = 1 + std::min<size_t>(3, text.size() / 2);
  for (const std::string_view candidate : candidates) {
    if (min == 0) break;
    const size_t distance = edit_distance(text, candidate, min - 1);
    if (distance < min) min = distance, best = candidate;
  }
  return best;
}

}  // namespace smt::relay
