// Waiting for a condition, with a deadline.
#ifndef SMT_TESTS_EVENTUALLY_H_
#define SMT_TESTS_EVENTUALLY_H_

#include <poll.h>

#include <chrono>
#include <functional>

namespace smt {

// Asks each millisecond until `condition` holds. False: it did not within `limit`.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace smt

#endif  // SMT_TESTS_EVENTUALLY_H_
