// Lengths of time as text for people.
#ifndef SMT_RELAY_MESSAGE_DURATIONS_H_
#define SMT_RELAY_MESSAGE_DURATIONS_H_

#include <cstdint>
#include <cstdio>
#include <string>

namespace smt::relay {

// "3.2 ms", and from one second on "12.5 s".
inline std::string time_words(int64_t ns) {
  char text[32];
  const auto n = static_cast<double>(ns);
  if (ns >= 1'000'000'000) {
    std::snprintf(text, sizeof text, "%.4g s", n / 1e9);
  } else {
    std::snprintf(text, sizeof text, "%.3g ms", n / 1e6);
  }
  return text;
}

}  // namespace smt::relay

#endif  // SMT_RELAY_MESSAGE_DURATIONS_H_
