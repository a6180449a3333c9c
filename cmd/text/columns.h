// How wide text is on a terminal.
#ifndef SMT_CMD_TEXT_COLUMNS_H_
#define SMT_CMD_TEXT_COLUMNS_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace smt::cmd {

inline bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Columns that UTF-8 text takes, each character as one.
inline size_t text_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// The text, or so many columns of it, the last of them "…".
inline std::string shorten(const std::string& text, size_t width) {
  if (text_width(text) <= width) return text;
  size_t end = 0, columns = 0;
  while (end < text.size() && columns + (begins_character(text[end]) ? 1 : 0) < width) {
    columns += begins_character(text[end]) ? 1 : 0;
    ++end;
  }
  return text.substr(0, end) + "…";
}

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_COLUMNS_H_
