// Helpers shared by the readers of cmd/config/config_types.cc and cmd/config/config_numbers.cc.
#ifndef SMT_CMD_CONFIG_CONFIG_READ_H_
#define SMT_CMD_CONFIG_CONFIG_READ_H_

#include <fmt/format.h>

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

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_READ_H_
