// Which names a description may use, so that what is generated compiles as C, C++ and Python.
#ifndef SMT_CMD_API_NAMES_H_
#define SMT_CMD_API_NAMES_H_

#include <string>
#include <string_view>

#include "shm/status.h"

namespace smt::cmd::api {

inline constexpr size_t kMaxNameBytes = 64;
inline constexpr size_t kMaxCommentBytes = 1000;
inline constexpr size_t kMaxUnitBytes = 32;

// A letter, then letters, digits and single '_', not at the end; no word that C, C++ or Python reserves, and
// no macro of the headers of C.
Status check_identifier(std::string_view name);
// The same, and none that the generated code uses itself beside the names of types and constants.
Status check_global_name(std::string_view name);
// A name at the outermost level of C, with its prefix: none that headers of C define or declare.
Status check_c_name(std::string_view name);
// Identifiers with "::" between them, of which the first is none that headers of C declare.
Status check_namespace(std::string_view name);

// One line that stands in comments of all languages: no control character, no backslash, nothing that changes
// the direction of text.
Status check_comment(std::string_view comment);
Status check_unit(std::string_view unit);
// A topic's name that can stand in source code.
Status check_topic(std::string_view name);

// "base/pose_fast" is "BasePoseFast"; "" if nothing is left.
std::string identifier_of(std::string_view topic);
// "nasa::rover" is "nasa_rover".
std::string c_prefix(std::string_view name);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_NAMES_H_
