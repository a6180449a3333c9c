// Text that the generated files of all languages share.
#ifndef SMT_CMD_API_EMIT_TEXT_H_
#define SMT_CMD_API_EMIT_TEXT_H_

#include <string>
#include <string_view>

#include "cmd/api/model.h"

namespace smt::cmd::api {

inline constexpr size_t kColumns = 100;

// Comment lines, wrapped: `begin` is "// " or "# " with its indentation. "" for no text.
std::string comment_lines(std::string_view begin, std::string_view text);
// A line with its comment behind it, or above it where that is too long.
std::string with_comment(const std::string& line, std::string_view mark, std::string_view text);

// The head comment of a generated file: the generator, its source, and that source's description.
std::string file_comment(const Api& api, std::string_view mark);

// "rad/s, -10 to 10; of the wheel itself": what is known of a value.
std::string note(std::string_view unit, const std::optional<Number>& min, const std::optional<Number>& max,
                 std::string_view comment);
std::string note(const Member& m);

// A literal of C, C++ and Python, with its quotation marks.
std::string literal(std::string_view text);
// "ROVER_API_H_"
std::string guard_name(const Api& api, std::string_view suffix);

// The condition that `value` is out of its member's range; "" if that is the whole range of its type.
std::string c_range_check(const Member& m, const std::string& value);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_EMIT_TEXT_H_
