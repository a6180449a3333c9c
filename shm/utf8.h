// UTF-8 (RFC 3629) as names of topics and patterns are written in it.
#ifndef SMT_SHM_UTF8_H_
#define SMT_SHM_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace smt {

// Length of the UTF-8 sequence at s[i], 0 if it is none (overlong forms and surrogates are none).
inline size_t utf8_length(std::string_view s, size_t i) {
  const auto byte = [&](size_t k) { return k < s.size() ? static_cast<uint8_t>(s[k]) : 0; };
  const auto tail = [&](size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const uint8_t b = byte(i);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return tail(i + 1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    if (!tail(i + 1) || !tail(i + 2)) return 0;
    if (b == 0xE0 && byte(i + 1) < 0xA0) return 0;
    if (b == 0xED && byte(i + 1) > 0x9F) return 0;
    return 3;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    if (!tail(i + 1) || !tail(i + 2) || !tail(i + 3)) return 0;
    if (b == 0xF0 && byte(i + 1) < 0x90) return 0;
    if (b == 0xF4 && byte(i + 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

// The character that begins at s[i]. REQUIRES: utf8_length(s, i) is not 0
inline char32_t utf8_character(std::string_view s, size_t i) {
  const size_t length = utf8_length(s, i);
  const auto first = static_cast<uint8_t>(s[i]);
  char32_t c = length == 1 ? first : first & (0x7F >> length);
  for (size_t k = 1; k < length; ++k) c = c << 6 | (static_cast<uint8_t>(s[i + k]) & 0x3F);
  return c;
}

inline bool is_utf8(std::string_view text) {
  for (size_t i = 0, n = 0; i < text.size(); i += n) {
    if ((n = utf8_length(text, i)) == 0) return false;
  }
  return true;
}

// What some editors write in front of a text.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The text behind its byte order mark, if it has one.
inline std::string_view skip_byte_order_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

// The byte order mark of UTF-16 leads the text.
inline bool is_utf16(std::string_view text) {
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

}  // namespace smt

#endif  // SMT_SHM_UTF8_H_
