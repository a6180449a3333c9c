// Control characters of ASCII, which no name may hold. Internal to libsmt and the tools.
#ifndef SMT_SHM_CONTROL_CHARACTERS_H_
#define SMT_SHM_CONTROL_CHARACTERS_H_

namespace smt {

constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace smt

#endif  // SMT_SHM_CONTROL_CHARACTERS_H_
