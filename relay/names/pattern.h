// Which topics a rule names.
//
//   camera/front   that topic
//   camera/*       `*` is any text inside one segment: camera/front, not camera/front/info and not camera
//   */imu*         it may be a part of a segment: left/imu0
//   arm/**         `**` is any number of whole segments, none too: arm, arm/left, arm/left/joint/1
//   **/imu         imu, left/imu, robot/left/imu
//   re:imu[0-9]+   RE2 expression for the whole name
//
// Topics below `smt/` (what the system tells about itself) are named only by patterns that begin with `smt/`,
// after `re:` too. Matching takes time linear in the name, whatever the pattern.
#ifndef SMT_RELAY_NAMES_PATTERN_H_
#define SMT_RELAY_NAMES_PATTERN_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace re2 {
class RE2;
}

namespace smt::relay {

// Immutable; copies are cheap. Thread-safe.
class Pattern {
 public:
  // kInvalid, with the pattern and the reason: empty, an empty segment, a control character, `**` as a part
  // of a segment, a bad RE2 expression, more than 1024 bytes.
  static Result<Pattern> parse(std::string_view text);

  // The same, of which parts() can be asked. (The others have no groups, and match as fast as they can.)
  static Result<Pattern> parse_with_parts(std::string_view text);

  // REQUIRES: check_topic_name(topic) is OK.
  bool matches(std::string_view topic) const;
  // The topic, then what each wildcard of a glob or each group of an expression stands for in it, in their
  // order; where there are several ways, the earlier one takes what it can. A `**` stands for whole segments
  // without the '/' around them, or for nothing. No value if the topic is not matched.
  // REQUIRES: made by parse_with_parts, check_topic_name(topic) is OK.
  std::optional<std::vector<std::string>> parts(std::string_view topic) const;
  // How many wildcards or groups. REQUIRES: made by parse_with_parts.
  size_t number_of_parts() const;
  const std::string& text() const { return text_; }
  // No wildcard and no expression: the text is the name of one topic.
  bool names_one_topic() const { return names_one_topic_; }
  bool is_expression() const { return text_.starts_with("re:"); }

  // For PatternIndex. The expression that a topic matches as a whole, if may_name(topic).
  const std::string& expression() const;
  // The topic is not below `smt/`, or the pattern begins with it.
  bool may_name(std::string_view topic) const;

 private:
  Pattern() = default;
  static Result<Pattern> parse(std::string_view text, bool groups);
  std::string text_;
  bool system_ = false;  // begins with smt/
  bool names_one_topic_ = false;
  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_NAMES_PATTERN_H_
