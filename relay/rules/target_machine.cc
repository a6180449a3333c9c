#include "relay/rules/target_walk.h"

namespace smt::relay {

std::u32string to_symbols(std::string_view utf8) {
  std::u32string out;
  int bytes = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<uint8_t>(c);
    if (bytes == 0 || bytes == 4 || (byte & 0xC0) != 0x80) {
      out += static_cast<char32_t>(byte);
      bytes = 1;
    } else {
      out.back() |= static_cast<char32_t>(byte) << (8 * bytes++);
    }
  }
  return out;
}

std::string to_utf8(std::u32string_view symbols) {
  std::string out;
  for (char32_t c : symbols) {
    for (; c != 0; c >>= 8) out += static_cast<char>(c & 0xFF);
  }
  return out;
}

void TargetMachine::add(Edge edge) {
  states_.emplace_back();
  edge.to = states_.size() - 1;
  states_[end_].push_back(std::move(edge));
  end_ = states_.size() - 1;
}

void TargetMachine::loop(Reads reads, bool copies) {
  add({});
  states_[end_].push_back({end_, reads, 0, copies});
}

void TargetMachine::text(std::string_view here, std::string_view there) {
  if (!there.empty()) add({0, Reads::kNothing, 0, false, to_symbols(there)});
  for (const char32_t c : to_symbols(here)) add({0, Reads::kOne, c});
}

void TargetMachine::stars(const GlobPart& here, const GlobPart& there) {
  const size_t begin = end_;
  text(here.slash_before ? "/" : "", there.slash_before ? "/" : "");
  add({0, Reads::kAny, 0, true});
  states_[end_].push_back({end_, Reads::kAny, 0, true});
  text(here.slash_after ? "/" : "", there.slash_after ? "/" : "");
  add({});
  // No segment. (Of a `**` without a '/' beside it this leaves no name at all, which is not accepted.)
  states_[begin].push_back({end_});
}

void TargetMachine::peer(const std::string& from) {
  const size_t begin = states_.size() - 1;
  const bool any = from.starts_with("re:") || from.find_first_not_of('*') == from.npos;
  Result<std::vector<GlobPart>> parts = parse_glob(any ? "*" : from);  // a RuleSet has looked at it
  if (any || !parts.ok()) {
    add({0, Reads::kPeerStart});
    loop(Reads::kPeer, false);
  } else {
    for (const GlobPart& part : *parts) {
      if (part.kind == GlobPart::Kind::kText) text(part.text, "");
      if (part.kind == GlobPart::Kind::kStar) loop(Reads::kPeer, false);
    }
  }
  for (size_t i = begin; i < states_.size(); ++i) {
    for (Edge& edge : states_[i]) edge.tells_peer = edge.to > begin && !has_peer_;
  }
  has_peer_ = true;
}

void TargetMachine::glob(const std::vector<GlobPart>& parts) {
  for (const GlobPart& part : parts) {
    if (part.kind == GlobPart::Kind::kText) text(part.text, part.text);
    if (part.kind == GlobPart::Kind::kStar) star();
    if (part.kind == GlobPart::Kind::kStars) stars(part, part);
  }
}

}  // namespace smt::relay
