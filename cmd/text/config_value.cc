#include "cmd/text/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

// Levenshtein's.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Place::text() const {
  if (from == From::kDefault) return "default";
  return from == From::kFile ? fmt::format("{}:{}:{}", source, line, column) : source;
}

std::string Place::origin() const {
  switch (from) {
    case From::kFile:
      return fmt::format("{}:{}", source, line);
    case From::kEnvironment:
      return "env " + source;
    case From::kFlag:
      return "flag " + source;
    default:
      return "default";
  }
}

Value Value::Word(std::string text, Place place) {
  Value value;
  value.kind = Kind::kWord;
  value.text = std::move(text);
  value.place = std::move(place);
  return value;
}

std::string_view KindName(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kBool:
      return "true or false";
    case Value::Kind::kInteger:
      return "an integer";
    case Value::Kind::kNumber:
      return "a number";
    case Value::Kind::kText:
    case Value::Kind::kWord:
      return "a string";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kTable:
      return "a table";
    default:
      return "a date or a time";
  }
}

void ConfigErrors::add(const Place& place, std::string_view message) {
  if (count_++ >= kMostTold) return;
  const std::string where = place.from == From::kDefault ? "" : place.text() + ": ";
  std::string line = Printable(where + std::string(message));
  if (line.size() > kLongestTold) line = line.substr(0, kLongestTold) + "...";
  told_.push_back(std::move(line));
}

std::vector<std::string> ConfigErrors::lines() const {
  std::vector<std::string> out = told_;
  if (count_ > kMostTold) out.push_back(fmt::format("and {} more errors", count_ - kMostTold));
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string_view DidYouMean(std::string_view text, const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongest = 64;
  std::string_view best;
  size_t least = 1 + std::min<size_t>(3, text.size() / 2);
  if (text.size() > kLongest) return best;
  for (const std::string_view candidate : candidates) {
    const size_t distance = EditDistance(text, candidate);
    if (distance < least) least = distance, best = candidate;
  }
  return best;
}

}  // namespace smt::cmd
