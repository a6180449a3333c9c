// Bytes in JSON: base64 of RFC 4648, with padding.
#ifndef SMT_CMD_TEXT_BASE64_H_
#define SMT_CMD_TEXT_BASE64_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smt::cmd {

std::string to_base64(std::span<const std::byte> bytes);
// Nothing if the text is not exactly what Base64 would have made.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_BASE64_H_
