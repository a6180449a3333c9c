#include "relay/names/pattern.h"

#include <re2/re2.h>

#include <algorithm>

#include "relay/names/glob.h"
#include "shm/control_characters.h"
#include "shm/utf8.h"

namespace smt::relay {
namespace {

constexpr size_t kMaxPatternBytes = 1024;
constexpr std::string_view kSystem = "smt/";

// Topic names have no empty segment, so `.+` between slashes is one segment or more.
std::string glob_expression(const std::vector<GlobPart>& parts, bool groups) {
  const std::string segments = groups ? "(.+)" : ".+";
  std::string out;
  for (const GlobPart& part : parts) {
    if (part.kind == GlobPart::Kind::kText) {
      out += re2::RE2::QuoteMeta(part.text);
    } else if (part.kind == GlobPart::Kind::kStar) {
      out += groups ? "([^/]*)" : "[^/]*";
    } else {
      out += part.slash_before  ? "(?:/" + segments + ")?"
             : part.slash_after ? "(?:" + segments + "/)?"
                                : segments;
    }
  }
  return out;
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) { return parse(text, false); }

Result<Pattern> Pattern::parse_with_parts(std::string_view text) { return parse(text, true); }

Result<Pattern> Pattern::parse(std::string_view text, bool groups) {
  if (text.empty()) return bad_pattern(text, "is empty; `**` names every topic");
  if (text.size() > kMaxPatternBytes) return bad_pattern(text.substr(0, 40), "is longer than 1024 bytes");
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return bad_pattern("", "holds a control character");
  }
  if (!is_utf8(text)) return bad_pattern("", "is not UTF-8");
  Pattern pattern;
  pattern.text_ = text;
  std::string expression;
  std::string_view body = text;
  if (text.starts_with("re:")) {
    body.remove_prefix(3);
    expression = body;
  } else {
    Result<std::vector<GlobPart>> glob = parse_glob(text);
    if (!glob.ok()) return glob.status();
    expression = glob_expression(*glob, groups);
    pattern.names_one_topic_ = text.find('*') == text.npos;
  }
  pattern.system_ = body.starts_with(kSystem);
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  if (!compiled->ok()) return bad_pattern(text, compiled->error());
  // A name is compared as it is.
  if (groups || !pattern.names_one_topic_) pattern.expression_ = std::move(compiled);
  return pattern;
}

bool Pattern::matches(std::string_view topic) const {
  if (names_one_topic_) return topic == text_;
  if (!may_name(topic)) return false;
  return re2::RE2::FullMatch(re2::StringPiece(topic.data(), topic.size()), *expression_);
}

bool Pattern::may_name(std::string_view topic) const { return system_ || !topic.starts_with(kSystem); }

const std::string& Pattern::expression() const {
  static const std::string kNone;
  return expression_ == nullptr ? kNone : expression_->pattern();
}

size_t Pattern::number_of_parts() const {
  return static_cast<size_t>(expression_->NumberOfCapturingGroups());
}

std::optional<std::vector<std::string>> Pattern::parts(std::string_view topic) const {
  if (!may_name(topic)) return {};
  std::vector<re2::StringPiece> groups(1 + number_of_parts());
  if (!expression_->Match(re2::StringPiece(topic.data(), topic.size()), 0, topic.size(),
                          re2::RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size()))) {
    return {};
  }
  std::vector<std::string> out;
  for (const re2::StringPiece& group : groups) out.emplace_back(group.data(), group.size());
  return out;
}

}  // namespace smt::relay
