// Control characters of ASCII: in a name they are refused, in text for a terminal they are masked. Internal
// to libsmt and the tools.
#ifndef SMT_SHM_CONTROL_CHARACTERS_H_
#define SMT_SHM_CONTROL_CHARACTERS_H_

#include <string>

namespace smt {

constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The text with a '?' for each of them, so that nothing in it could drive a terminal.
inline std::string mask_controls(std::string text) {
  for (char& c : text) {
    if (is_control(c)) c = '?';
  }
  return text;
}

}  // namespace smt

#endif  // SMT_SHM_CONTROL_CHARACTERS_H_
