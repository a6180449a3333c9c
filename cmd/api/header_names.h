// Names that headers of C own on the machine where the generators are built; header_names.sh finds them
// there.
#ifndef SMT_CMD_API_HEADER_NAMES_H_
#define SMT_CMD_API_HEADER_NAMES_H_

#include <span>
#include <string_view>

namespace smt::cmd::api {

// Macros replace a name wherever it stands, that of a member too.
extern const std::span<const std::string_view> kHeaderMacros;  // sorted
// Functions, variables, types, tags and enumerators: names at the outermost level of C and C++.
extern const std::span<const std::string_view> kHeaderDeclarations;  // sorted

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_HEADER_NAMES_H_
