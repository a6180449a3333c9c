#include "shm/printable.h"

#include <algorithm>

#include "shm/utf8.h"

namespace smt {
namespace {

bool keeps_break(LineBreaks keep, std::string_view after) {
  return keep == LineBreaks::kAll || (keep == LineBreaks::kIndented && after.starts_with("  "));
}

}  // namespace

std::string printable(std::string_view text, LineBreaks keep) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0, bytes = 0; i < text.size(); i += std::max<size_t>(1, bytes)) {
    bytes = utf8_length(text, i);
    const bool stays = bytes != 0 && (text[i] == '\n' ? keeps_break(keep, text.substr(i + 1))
                                                      : is_printable(utf8_character(text, i)));
    out += stays ? text.substr(i, bytes) : "?";
  }
  return out;
}

}  // namespace smt
