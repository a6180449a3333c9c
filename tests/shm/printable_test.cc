// Text of others for a terminal.
#include "shm/printable.h"

#include <gtest/gtest.h>

#include "shm/utf8.h"

namespace smt {
namespace {

TEST(Printable, MasksEachCharacterThatDrivesATerminalOrTurnsText) {
  EXPECT_FALSE(is_printable(0x9b));
  const std::pair<std::string_view, const char*> kTable[] = {
      {"plain höhe → ☃ 𝛼", "plain höhe → ☃ 𝛼"},
      {std::string_view("a\0b", 3), "a?b"},
      {"\x1b[31m\x07\t\r\x7f", "?[31m????"},
      {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0"},
      {"\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029", "?????????"},
      {"\u200d\u2030\u206a", "\u200d\u2030\u206a"},
  };
  for (const auto& [text, shown] : kTable) EXPECT_EQ(printable(text), shown);
}

TEST(Printable, MasksEachByteThatIsNoUtf8) {
  EXPECT_EQ(printable("a\x9b"
                      "b\xff\xe2\x80"),
            "a?b???");
  EXPECT_EQ(printable("\xc0\x9b\xed\xa0\x80"), "?????") << "overlong forms and surrogates are none";
}

TEST(Printable, KeepsOnlyTheLineBreaksThatItsCallerWants) {
  const char* const text = "a\nb\n  c\n";
  EXPECT_EQ(printable(text), "a?b?  c?");
  EXPECT_EQ(printable(text, LineBreaks::kIndented), "a?b\n  c?");
  EXPECT_EQ(printable(text, LineBreaks::kAll), text);
}

TEST(Utf8, TellsTheCharacterThatBytesStandFor) {
  const std::pair<const char*, char32_t> kTable[] = {{"a", 'a'},         {"\u0080", 0x80},
                                                     {"\u07ff", 0x7ff},  {"\u0800", 0x800},
                                                     {"\uffff", 0xffff}, {"\U0010ffff", 0x10ffff}};
  for (const auto& [text, character] : kTable) EXPECT_EQ(utf8_character(text, 0), character);
}

}  // namespace
}  // namespace smt
