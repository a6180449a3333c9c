#include <algorithm>

#include "shm/schema.h"

namespace smt {
namespace {

std::string type_of(const Field& f) {
  std::string s(name_of(f.type));
  if (f.count != 1) s.append("[").append(std::to_string(f.count)).append("]");
  return s;
}

// What is wrong with `found` where `expected` was wanted; either may be missing.
std::string field_diff(const Field* expected, const Field* found) {
  if (found == nullptr) return "`" + expected->name + "` is missing";
  const std::string name = "`" + found->name + "`";
  const std::string at = " at " + std::to_string(found->offset);
  if (expected == nullptr) return name + at + " is not expected";
  if (found->name != expected->name) return name + at + ", expected `" + expected->name + "`";
  if (found->offset != expected->offset) return name + at + ", expected " + std::to_string(expected->offset);
  if (type_of(*found) != type_of(*expected))
    return name + " is " + type_of(*found) + ", expected " + type_of(*expected);
  return name + " in \"" + found->unit + "\", expected \"" + expected->unit + "\"";
}

std::string row_of(const Field* f) {
  if (f == nullptr) return "";
  return std::to_string(f->offset) + " " + f->name + " " + type_of(*f) +
         (f->unit.empty() ? "" : " " + f->unit);
}

std::string title(const Schema& s) {
  return s.type_name + ", " + (s.size == 0 ? "any size" : std::to_string(s.size) + " bytes");
}

size_t columns(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; });
}

}  // namespace

std::string schema_diff(const Schema& expected, const Schema& found) {
  if (expected == found) return "";
  const auto at = [](const Schema& s, size_t i) { return i < s.fields.size() ? &s.fields[i] : nullptr; };
  const size_t rows = std::max(expected.fields.size(), found.fields.size());
  size_t first =
      std::mismatch(expected.fields.begin(), expected.fields.end(), found.fields.begin(), found.fields.end())
          .first -
      expected.fields.begin();

  std::string s;
  if (first < rows) s = field_diff(at(expected, first), at(found, first));
  if (found.type_name != expected.type_name) {
    s = "type " + found.type_name + ", expected " + expected.type_name + (s.empty() ? "" : "; " + s);
  } else if (s.empty()) {
    s = "size " + std::to_string(found.size) + ", expected " + std::to_string(expected.size);
  }

  // The layouts around that field, so that a type of thousands of fields stays readable.
  const size_t begin = first > 8 ? first - 8 : 0, end = std::min(rows, begin + 24);
  std::vector<std::pair<std::string, std::string>> lines = {
      {"expected: " + title(expected), "found: " + title(found)}};
  if (begin > 0) lines.emplace_back("...", "...");
  for (size_t i = begin; i < end; ++i) lines.emplace_back(row_of(at(expected, i)), row_of(at(found, i)));
  if (end < rows) lines.emplace_back("...", "...");
  size_t width = 0;
  for (const auto& [left, right] : lines) width = std::max(width, columns(left));
  for (const auto& [left, right] : lines) {
    s += "\n  " + left;
    if (!right.empty()) s += std::string(width - columns(left) + 3, ' ') + right;
  }
  return s;
}

}  // namespace smt
