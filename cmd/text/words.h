// Fixed lists of words, each with what it means: how they are read, printed and listed in a message.
#ifndef SMT_CMD_TEXT_WORDS_H_
#define SMT_CMD_TEXT_WORDS_H_

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/status.h"

namespace smt::cmd {

template <class U>
using NamedValue = std::pair<std::string_view, U>;

// The names in their order, with ", " between them.
template <class U, size_t n>
std::string joined_names(const NamedValue<U> (&words)[n]) {
  std::vector<std::string_view> names;
  for (const auto& word : words) names.push_back(word.first);
  return fmt::format("{}", fmt::join(names, ", "));
}

// kInvalid: `text` is none of the words.
template <class U, size_t n>
Result<U> parse_word(const NamedValue<U> (&words)[n], std::string_view text) {
  for (const auto& [name, meaning] : words) {
    if (name == text) return U(meaning);
  }
  return Status(Code::kInvalid, fmt::format("\"{}\" is none of {}", text, joined_names(words)));
}

// "": no word means that.
template <class U, size_t n, class V>
std::string_view word_for(const NamedValue<U> (&words)[n], const V& value) {
  for (const auto& [name, meaning] : words) {
    if (meaning == value) return name;
  }
  return "";
}

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_WORDS_H_
