// Helpers shared by the readers of cmd/config/config_types.cc and cmd/config/config_numbers.cc.
#ifndef SMT_CMD_CONFIG_CONFIG_READ_H_
#define SMT_CMD_CONFIG_CONFIG_READ_H_

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/text/config_value.h"
#include "shm/status.h"

namespace smt::cmd {

// A fault of a value, with the place of that value or of a part of it.
struct Fault {
  Place place;
  std::string message;
};

// Nothing: the value is right.
using Read = std::optional<Fault>;

inline Read wrong(const Value& value, std::string message) { return Fault{value.place, std::move(message)}; }
inline Read wrong(const Value& value, const Status& status) { return wrong(value, status.message()); }

inline Read wrong_kind(const Value& value, std::string_view expected) {
  return wrong(value, fmt::format("is {}, and must be {}", kind_name(value.kind), expected));
}

inline bool is_text(const Value& value) {
  return value.kind == Value::Kind::kText || value.kind == Value::Kind::kWord;
}

template <class Number>
bool parse_number(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_READ_H_
