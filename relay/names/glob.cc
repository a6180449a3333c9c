#include "relay/names/glob.h"

namespace smt::relay {
namespace {

void add_text(std::string_view text, std::vector<GlobPart>* parts) {
  if (text.empty()) return;
  if (parts->empty() || parts->back().kind != GlobPart::Kind::kText) parts->push_back({});
  parts->back().text += text;
}

void add_segment(std::string_view segment, std::vector<GlobPart>* parts) {
  for (;;) {
    const size_t star = segment.find('*');
    add_text(segment.substr(0, star), parts);
    if (star == segment.npos) return;
    parts->push_back({GlobPart::Kind::kStar});
    segment.remove_prefix(star + 1);
  }
}

}  // namespace

Status bad_pattern(std::string_view pattern, std::string_view why) {
  return Status(Code::kInvalid, "pattern \"" + std::string(pattern) + "\": " + std::string(why));
}

Result<std::vector<GlobPart>> parse_glob(std::string_view pattern) {
  std::vector<GlobPart> parts;
  bool slash = false;  // the text so far ends with a segment, and the next one needs a '/'
  for (std::string_view rest = pattern;;) {
    const size_t end = rest.find('/');
    const bool last = end == rest.npos;
    const std::string_view segment = rest.substr(0, end);
    if (segment.empty()) return bad_pattern(pattern, "empty segment; names are split by single '/'");
    if (segment == "**") {
      parts.push_back({GlobPart::Kind::kStars, "", slash, !slash && !last});
    } else if (segment.find("**") != segment.npos) {
      return bad_pattern(pattern, "`**` stands for whole segments; use `*` inside a segment");
    } else {
      if (slash) add_text("/", &parts);
      add_segment(segment, &parts);
      slash = true;
    }
    if (last) return parts;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace smt::relay
