#include "cmd/text/config_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "shm/printable.h"
#include "shm/utf8.h"

namespace smt::cmd {

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

Value Value::word(std::string text, Place place) {
  Value value;
  value.kind = Kind::kWord;
  value.text = std::move(text);
  value.place = std::move(place);
  return value;
}

std::string_view kind_name(Value::Kind kind) {
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
  if (count_++ >= kMaxErrors) return;
  const std::string where = place.from == From::kDefault ? "" : place.text() + ": ";
  std::string line = where + std::string(message);
  if (line.size() > kMaxErrorBytes) line = line.substr(0, kMaxErrorBytes) + "...";
  told_.push_back(printable(line));
}

std::vector<std::string> ConfigErrors::lines() const {
  std::vector<std::string> out = told_;
  if (count_ > kMaxErrors) out.push_back(fmt::format("and {} more errors", count_ - kMaxErrors));
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0, bytes = 0; i < text.size(); i += bytes) {
    const bool known = utf8_length(text, i) != 0;
    bytes = std::max<size_t>(1, utf8_length(text, i));
    const char32_t c = known ? utf8_character(text, i) : ' ';
    if (c == '"' || c == '\\') out += '\\';
    if (is_printable(c)) {
      out += text.substr(i, bytes);
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    }
  }
  return out + '"';
}

}  // namespace smt::cmd
