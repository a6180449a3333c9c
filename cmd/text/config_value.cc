#include "cmd/text/config_value.h"

#include <fmt/format.h>

#include "cmd/text/text.h"
#include "shm/control_characters.h"

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
  std::string line = printable(where + std::string(message));
  if (line.size() > kMaxErrorBytes) line = line.substr(0, kMaxErrorBytes) + "...";
  told_.push_back(std::move(line));
}

std::vector<std::string> ConfigErrors::lines() const {
  std::vector<std::string> out = told_;
  if (count_ > kMaxErrors) out.push_back(fmt::format("and {} more errors", count_ - kMaxErrors));
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace smt::cmd
