#include "relay/pattern.h"

#include <re2/re2.h>

#include <algorithm>

namespace smt::relay {
namespace {

constexpr size_t kMaxPatternBytes = 1024;
constexpr std::string_view kSystem = "smt/";

Status Bad(std::string_view pattern, std::string_view why) {
  return Status(Code::kInvalid, "pattern \"" + std::string(pattern) + "\": " + std::string(why));
}

// The expression for one segment: `*` is any text without '/'.
std::string SegmentExpression(std::string_view segment) {
  std::string out;
  for (;;) {
    const size_t star = segment.find('*');
    out += re2::RE2::QuoteMeta(re2::StringPiece(segment.data(), std::min(star, segment.size())));
    if (star == segment.npos) return out;
    out += "[^/]*";
    segment.remove_prefix(star + 1);
  }
}

// Topic names have no empty segment, so `.+` between slashes is one segment or more.
Result<std::string> GlobExpression(std::string_view pattern) {
  std::string out;
  bool slash = false;  // the text so far ends with a segment, and the next one needs a '/'
  for (std::string_view rest = pattern;;) {
    const size_t end = rest.find('/');
    const bool last = end == rest.npos;
    const std::string_view segment = rest.substr(0, end);
    if (segment.empty()) return Bad(pattern, "empty segment; names are split by single '/'");
    if (segment == "**") {
      out += slash ? "(?:/.+)?" : last ? ".+" : "(?:.+/)?";
    } else if (segment.find("**") != segment.npos) {
      return Bad(pattern, "`**` stands for whole segments; use `*` inside a segment");
    } else {
      if (slash) out += '/';
      out += SegmentExpression(segment);
      slash = true;
    }
    if (last) return out;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.empty()) return Bad(text, "is empty; `**` names every topic");
  if (text.size() > kMaxPatternBytes) return Bad(text.substr(0, 40), "is longer than 1024 bytes");
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return Bad("", "holds a control character");
  }
  Pattern pattern;
  pattern.text_ = text;
  std::string expression;
  std::string_view body = text;
  if (text.starts_with("re:")) {
    body.remove_prefix(3);
    expression = body;
  } else {
    Result<std::string> glob = GlobExpression(text);
    if (!glob.ok()) return glob.status();
    expression = *glob;
    pattern.names_one_topic_ = text.find('*') == text.npos;
  }
  pattern.system_ = body.starts_with(kSystem);
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  if (!compiled->ok()) return Bad(text, compiled->error());
  pattern.expression_ = std::move(compiled);
  return pattern;
}

bool Pattern::matches(std::string_view topic) const {
  if (topic.starts_with(kSystem) && !system_) return false;
  return re2::RE2::FullMatch(re2::StringPiece(topic.data(), topic.size()), *expression_);
}

Result<PatternSet> PatternSet::parse(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& deny) {
  PatternSet set;
  for (auto [texts, patterns] : {std::pair(&allow, &set.allow_), std::pair(&deny, &set.deny_)}) {
    for (const std::string& text : *texts) {
      Result<Pattern> pattern = Pattern::parse(text);
      if (!pattern.ok()) return pattern.status();
      patterns->push_back(std::move(*pattern));
    }
  }
  return set;
}

PatternSet::Decision PatternSet::decide(std::string_view topic) const {
  for (const Pattern& pattern : deny_) {
    if (pattern.matches(topic)) return {false, &pattern};
  }
  for (const Pattern& pattern : allow_) {
    if (pattern.matches(topic)) return {true, &pattern};
  }
  return {};
}

bool PatternSet::matches(std::string_view topic) const { return decide(topic).allowed; }

}  // namespace smt::relay
