// A TOML file as a tree of values with their positions. The only place that knows toml++.
#ifndef SMT_CMD_TEXT_CONFIG_TOML_H_
#define SMT_CMD_TEXT_CONFIG_TOML_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/text/config_value.h"

namespace smt::cmd {

inline constexpr size_t kMaxConfigBytes = 1 << 20;
// Keeps what one line can nest (a.a.a...) within what the parser's recursion can take.
inline constexpr size_t kMaxConfigLine = 16 * 1024;

// The table that the text is. Nothing, after an error: it is no TOML, no UTF-8, or too large.
std::optional<Value> parse_toml(std::string_view text, const std::string& path, ConfigErrors* errors);

// The text of a regular file of no more than kMaxConfigBytes; else nothing, after an error.
std::optional<std::string> read_config_file(const std::string& path, ConfigErrors* errors);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_CONFIG_TOML_H_
