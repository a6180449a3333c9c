// The parts of a glob pattern (relay/names/pattern.h says what they mean): text, `*` and `**`.
#ifndef SMT_RELAY_NAMES_GLOB_H_
#define SMT_RELAY_NAMES_GLOB_H_

#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace smt::relay {

struct GlobPart {
  enum class Kind {
    kText,   // `text`
    kStar,   // `*`
    kStars,  // `**`, with the '/' that parts it from the rest: where it stands for no segment, that is not
             // there
  };
  Kind kind = Kind::kText;
  std::string text = {};
  bool slash_before = false,
       slash_after = false;  // of kStars; with neither it stands for one segment at least
};

// kInvalid: names the pattern ("" where it cannot be shown) and the reason.
Status bad_pattern(std::string_view pattern, std::string_view why);

// bad_pattern() of: an empty segment, `**` as a part of a segment.
Result<std::vector<GlobPart>> parse_glob(std::string_view pattern);

}  // namespace smt::relay

#endif  // SMT_RELAY_NAMES_GLOB_H_
