#include "cmd/api/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <span>

#include "cmd/api/header_names.h"
#include "cmd/text/config_value.h"
#include "shm/domain.h"
#include "shm/printable.h"
#include "shm/utf8.h"

namespace smt::cmd::api {
namespace {

struct Words {
  std::string_view whose;
  std::string_view words;  // with spaces around each
};

constexpr std::string_view kDefined = "headers of C define it";

constexpr Words kReserved[] = {
    {"C and C++ reserve it",
     " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t "
     "class compl concept const consteval constexpr constinit const_cast continue co_await co_return "
     "co_yield "
     "decltype default delete do double dynamic_cast else enum explicit export extern false float for friend "
     "goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private "
     "protected public register reinterpret_cast requires restrict return short signed sizeof static "
     "static_assert static_cast struct switch template this thread_local throw true try typedef typeid "
     "typename "
     "typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq "},
    {"Python reserves it",
     " False None True as assert async await def del elif except finally from global import in is lambda "
     "nonlocal pass raise with yield "},
    // Beside kHeaderMacros: other machines and other versions of their headers have these.
    {kDefined, " DOMAIN OVERFLOW UNDERFLOW SING PLOSS TLOSS i386 major minor "},
    {"the code that is generated needs it",
     " int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t size_t ptrdiff_t std smt "
     "bytearray bytes enumerate isinstance len list range round str super tuple type ValueError "},
};

constexpr Words kOwn = {
    "the code that is generated has it already",
    " OutOfRange out_of_range pack unpack TOPICS REGISTERS Publisher Reader RegisterInfo Value value "
    "node domain options element "
    "annotations field registers raw all wide others steps data kind i main "
    "abs getattr hasattr setattr "};

bool has(const Words& words, std::string_view word) {
  return words.words.find(fmt::format(" {} ", word)) != std::string_view::npos;
}

bool has(std::span<const std::string_view> names, std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

Status wrong(std::string message) { return {Code::kInvalid, std::move(message)}; }

Status owned(std::string_view name, std::string_view whose) {
  return wrong(fmt::format("{}: {}; take another name", quote(name), whose));
}

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// What is shown has to be what is compiled.
Status check_shown(std::string_view what, std::string_view text) {
  for (size_t i = 0; i < text.size(); i += utf8_length(text, i)) {
    if (utf8_length(text, i) == 0) return wrong(fmt::format("{} is no UTF-8", what));
    const char32_t c = utf8_character(text, i);
    if (drives_terminal(c)) {
      return wrong(fmt::format("{} has a control character; write it on one line", what));
    }
    if (turns_text(c)) return wrong(fmt::format("{} has a mark that turns the direction of text", what));
  }
  return Status();
}

}  // namespace

Status check_identifier(std::string_view name) {
  if (name.empty()) return wrong("the name is empty");
  if (name.size() > kMaxNameBytes) {
    return wrong(fmt::format("the name has {} bytes; at most {}", name.size(), kMaxNameBytes));
  }
  if (!is_letter(name[0]) || !std::all_of(name.begin(), name.end(), is_word_char)) {
    return wrong(quote(name) + " is no name: write a letter (a-z, A-Z), then letters, digits and '_'");
  }
  if (name.find("__") != name.npos || name.back() == '_') {
    return wrong(quote(name) + ": compilers keep names with \"__\" and '_' at the end; leave it out");
  }
  for (const Words& words : kReserved) {
    if (has(words, name)) return owned(name, words.whose);
  }
  return has(kHeaderMacros, name) ? owned(name, kDefined) : Status();
}

Status check_global_name(std::string_view name) {
  if (Status s = check_identifier(name); !s.ok()) return s;
  return has(kOwn, name) ? owned(name, kOwn.whose) : Status();
}

Status check_c_name(std::string_view name) {
  if (has(kHeaderMacros, name)) return owned(name, "in C it has this name, which headers of C define");
  if (has(kHeaderDeclarations, name)) return owned(name, "in C it has this name, which headers of C declare");
  return Status();
}

Status check_namespace(std::string_view name) {
  if (name.size() > 4 * kMaxNameBytes) return wrong("the namespace is longer than 256 bytes");
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find("::", begin), name.size());
    if (Status s = check_identifier(name.substr(begin, end - begin)); !s.ok()) return s;
    begin = end + 2;
  }
  const std::string_view outermost = name.substr(0, name.find("::"));
  if (outermost == "main") return owned(outermost, "each program has a function of this name");
  return has(kHeaderDeclarations, outermost)
             ? owned(outermost, "headers of C declare it, and no namespace of C++ can have such a name")
             : Status();
}

Status check_comment(std::string_view comment) {
  if (comment.size() > kMaxCommentBytes) {
    return wrong(fmt::format("the comment has {} bytes; at most {}", comment.size(), kMaxCommentBytes));
  }
  if (comment.find('\\') != comment.npos) {
    return wrong("the comment has a backslash, which would join lines of C; leave it out");
  }
  return check_shown("the comment", comment);
}

Status check_unit(std::string_view unit) {
  if (unit.empty() || unit == "-") return wrong("the unit is empty; leave the attribute out");
  if (unit.size() > kMaxUnitBytes) {
    return wrong(fmt::format("the unit has {} bytes; at most {}", unit.size(), kMaxUnitBytes));
  }
  if (unit.find_first_of(" \\\"") != unit.npos) {
    return wrong(quote(unit) + ": a unit has no space, quotation mark or backslash; write \"m/s^2\"");
  }
  return check_shown("the unit", unit);
}

Status check_topic(std::string_view name) {
  if (Status s = check_topic_name(name); !s.ok()) return s;
  if (name.find('\\') != name.npos) return wrong("the topic's name has a backslash; write '/'");
  return check_shown("the topic's name", name);
}

std::string identifier_of(std::string_view topic) {
  std::string out;
  bool first = true;
  for (const char c : topic) {
    const bool letter = is_word_char(c) && c != '_';
    if (letter) out += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = !letter;
  }
  return out;
}

std::string c_prefix(std::string_view name) {
  std::string out(name);
  for (size_t i; (i = out.find("::")) != out.npos;) out.replace(i, 2, "_");
  return out;
}

}  // namespace smt::cmd::api
