// Names of topics and patterns as the words between their slashes: for tests that decide about them the slow
// way.
#ifndef SMT_TESTS_RELAY_NAMES_SEGMENTS_H_
#define SMT_TESTS_RELAY_NAMES_SEGMENTS_H_

#include <string>
#include <vector>

namespace smt::relay {

using Segments = std::vector<std::string>;

inline std::string join(const Segments& segments) {
  std::string out;
  for (size_t i = 0; i < segments.size(); ++i) out += (i == 0 ? "" : "/") + segments[i];
  return out;
}

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_NAMES_SEGMENTS_H_
