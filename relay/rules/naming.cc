#include "relay/rules/naming.h"

#include <algorithm>
#include <vector>

#include "relay/names/glob.h"
#include "relay/names/pattern.h"
#include "shm/domain.h"

namespace smt::relay {
namespace {

// A piece of a name here: text, the peer's name, or a part of the topic's name.
struct Piece {
  enum class Kind { kText, kPeer, kPart } kind;
  std::string text = {};
  size_t part = 0;                                 // of Pattern::parts
  bool slash_before = false, slash_after = false;  // which go if the part is empty
};

Status bad(std::string_view what, std::string_view text, const std::string& why) {
  return Status(Code::kInvalid, std::string(what) + " \"" + std::string(text.substr(0, 300)) + "\": " + why);
}

// Splits text at {peer}. False: '{' begins something else.
bool add_text(std::string_view text, std::vector<Piece>* pieces) {
  for (;;) {
    const size_t brace = text.find('{');
    if (brace != 0 && !text.empty()) {
      pieces->push_back({Piece::Kind::kText, std::string(text.substr(0, brace))});
    }
    if (brace == text.npos) return true;
    text.remove_prefix(brace);
    if (!text.starts_with(kPeerWord)) return false;
    pieces->push_back({Piece::Kind::kPeer});
    text.remove_prefix(kPeerWord.size());
  }
}

constexpr const char* kUnknownBrace =
    "'{' begins nothing but {peer}, which stands for the name of the peer; no other word is known";

Result<std::vector<Piece>> pieces_of_glob(std::string_view as, std::string_view topic) {
  Result<std::vector<GlobPart>> parts = parse_glob(as), sources = parse_glob(topic);
  if (!parts.ok()) return bad("as", as, "empty segment, or `**` inside a segment");
  if (!sources.ok()) return sources.status();
  std::vector<Piece> pieces;
  std::string wildcards, expected;
  for (const GlobPart& part : *sources) {
    if (part.kind != GlobPart::Kind::kText) expected += part.kind == GlobPart::Kind::kStar ? " *" : " **";
  }
  size_t count = 0;
  for (const GlobPart& part : *parts) {
    if (part.kind == GlobPart::Kind::kText) {
      if (!add_text(part.text, &pieces)) return bad("as", as, kUnknownBrace);
    } else {
      wildcards += part.kind == GlobPart::Kind::kStar ? " *" : " **";
      pieces.push_back({Piece::Kind::kPart, "", ++count, part.slash_before, part.slash_after});
    }
  }
  if (wildcards != expected) {
    const auto told = [](const std::string& s) {
      return s.empty() ? std::string("no wildcard") : s.substr(1);
    };
    return bad("as", as,
               "has " + told(wildcards) + " where topic \"" + std::string(topic) + "\" has " +
                   told(expected) + "; it needs the same wildcards in the same order");
  }
  for (std::string_view text : {as, topic}) {
    if (text.find("**/**") != text.npos) {
      return bad("as", as,
                 "`**/**` does not say which stands for what; write `**` once, here and in the topic");
    }
  }
  return pieces;
}

Result<std::vector<Piece>> pieces_of_expression(std::string_view as, size_t groups) {
  std::vector<Piece> pieces;
  std::string_view rest = as;
  for (;;) {
    const size_t backslash = rest.find('\\');
    if (!add_text(rest.substr(0, backslash), &pieces)) return bad("as", as, kUnknownBrace);
    if (backslash == rest.npos) return pieces;
    const char next = backslash + 1 < rest.size() ? rest[backslash + 1] : '\0';
    if (next == '\\') {
      pieces.push_back({Piece::Kind::kText, "\\"});
    } else if (next < '0' || next > '9') {
      return bad("as", as,
                 "a backslash stands before the number of a group, as in \\1, or another backslash");
    } else if (static_cast<size_t>(next - '0') > groups) {
      return bad("as", as,
                 std::string("\\") + next + " asks for a group that the expression has not; it has " +
                     std::to_string(groups));
    } else {
      pieces.push_back({Piece::Kind::kPart, "", static_cast<size_t>(next - '0')});
    }
    rest.remove_prefix(backslash + 2);
  }
}

std::string join(const std::vector<Piece>& pieces, std::string_view peer,
                 const std::vector<std::string>& parts) {
  std::string out;
  for (const Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::kText) out += piece.text;
    if (piece.kind == Piece::Kind::kPeer) out += peer;
    if (piece.kind != Piece::Kind::kPart || parts[piece.part].empty()) continue;
    if (piece.slash_before) out += '/';
    out += parts[piece.part];
    if (piece.slash_after) out += '/';
  }
  return out;
}

}  // namespace

struct Naming::Rule {
  std::vector<Piece> pieces;       // of a prefix: with the '/', and the topic is put after them
  std::optional<Pattern> pattern;  // with `as`
  bool says_peer = false;
};

std::string_view prefix_text(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

Result<Naming> Naming::parse(const ReceiveRule& rule) {
  if (rule.prefix.empty() && rule.as.empty()) return Naming();
  if (!rule.prefix.empty() && !rule.as.empty()) {
    return bad("as", rule.as, "stands beside prefix \"" + rule.prefix + "\"; use one of them");
  }
  auto made = std::make_shared<Rule>();
  const bool is_prefix = rule.as.empty();
  const std::string_view what = is_prefix ? "prefix" : "as", text = is_prefix ? rule.prefix : rule.as;
  if (is_prefix) {
    if (!add_text(prefix_text(text), &made->pieces)) return bad(what, text, kUnknownBrace);
  } else {
    if (rule.topic.size() != 1) {
      return bad(what, text,
                 "names the topics of one pattern, and the rule has " + std::to_string(rule.topic.size()) +
                     "; make a rule of each");
    }
    Result<Pattern> pattern = Pattern::parse_with_parts(rule.topic[0]);
    if (!pattern.ok()) return pattern.status();
    Result<std::vector<Piece>> pieces = pattern->is_expression()
                                            ? pieces_of_expression(text, pattern->number_of_parts())
                                            : pieces_of_glob(text, rule.topic[0]);
    if (!pieces.ok()) return pieces.status();
    made->pieces = std::move(*pieces);
    made->pattern = std::move(*pattern);
  }
  // With something short for all that it does not know, it must be a name.
  const std::vector<std::string> sample(made->pattern ? 1 + made->pattern->number_of_parts() : 0, "x");
  if (Status s = check_topic_name(join(made->pieces, "x", sample)); !s.ok()) {
    return bad(what, text, "no name can come of it: " + s.message());
  }
  if (is_prefix) made->pieces.push_back({Piece::Kind::kText, "/"});
  made->says_peer = std::any_of(made->pieces.begin(), made->pieces.end(),
                                [](const Piece& piece) { return piece.kind == Piece::Kind::kPeer; });
  return Naming(std::move(made));
}

std::optional<std::string> Naming::local(std::string_view topic, std::string_view peer) const {
  Result<std::string> name = local_or_why(topic, peer);
  if (!name.ok()) return {};
  return std::move(*name);
}

Result<std::string> Naming::local_or_why(std::string_view topic, std::string_view peer) const {
  if (rule_ == nullptr) return std::string(topic);
  if (rule_->says_peer) {
    if (Status s = check_name("peer", peer); !s.ok()) return s;
  }
  std::string name;
  if (rule_->pattern) {
    const std::optional<std::vector<std::string>> parts = rule_->pattern->parts(topic);
    if (!parts) {
      return {Code::kInvalid,
              "pattern \"" + rule_->pattern->text() + "\" does not match " + std::string(topic)};
    }
    name = join(rule_->pieces, peer, *parts);
  } else {
    name = join(rule_->pieces, peer, {}).append(topic);
  }
  if (Status s = check_topic_name(name); !s.ok()) {
    return {s.code(), "topic " + std::string(topic) + " can have no name here: " + s.message()};
  }
  return name;
}

NamingBack::NamingBack(const ReceiveRule& rule, std::string_view peer) : renames_(!rule.as.empty()) {
  const auto named = [&](std::string text) {
    for (size_t at = 0; (at = text.find(kPeerWord, at)) != text.npos; at += peer.size())
      text.replace(at, kPeerWord.size(), peer);
    return text;
  };
  if (!rule.prefix.empty()) prefix_ = named(std::string(prefix_text(rule.prefix))) + "/";
  if (!renames_ || rule.topic.size() != 1 || rule.topic[0].starts_with("re:")) return;
  ReceiveRule back;
  back.topic = {named(rule.as)};
  back.as = rule.topic[0];
  if (Result<Naming> naming = Naming::parse(back); naming.ok()) naming_ = std::move(*naming);
}

std::optional<std::string> NamingBack::original(const std::string& local) const {
  if (renames_) return naming_ ? naming_->local(local, "") : std::nullopt;
  if (!local.starts_with(prefix_)) return std::nullopt;
  std::string name = local.substr(prefix_.size());
  return check_topic_name(name).ok() ? std::optional(std::move(name)) : std::nullopt;
}

}  // namespace smt::relay
