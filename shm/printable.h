// Text of others, made fit for a terminal: whatever the tools show or log goes through printable(). Internal
// to libsmt and the tools.
#ifndef SMT_SHM_PRINTABLE_H_
#define SMT_SHM_PRINTABLE_H_

#include <string>
#include <string_view>

namespace smt {

// A control character of ASCII or Latin-1 (C0, DEL, C1), or one of Unicode's two that end a line.
constexpr bool drives_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

// A mark that turns the direction of the text after it, which then reads as another text (Unicode's property
// Bidi_Control).
constexpr bool turns_text(char32_t c) {
  return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

constexpr bool is_printable(char32_t c) { return !drives_terminal(c) && !turns_text(c); }

// The line breaks that stay. A message of several lines indents all but its first by two spaces; so a text
// inside it cannot begin a line that looks like another message.
enum class LineBreaks { kNone, kIndented, kAll };

// The text with a '?' for each character that is not printable, and for each byte that is no UTF-8.
std::string printable(std::string_view text, LineBreaks keep = LineBreaks::kNone);

}  // namespace smt

#endif  // SMT_SHM_PRINTABLE_H_
