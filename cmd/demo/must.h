// In the demo every error ends the program: it is thrown, and printed by cmd::run_tool.
#ifndef SMT_CMD_DEMO_MUST_H_
#define SMT_CMD_DEMO_MUST_H_

#include <stdexcept>
#include <utility>

#include "shm/status.h"

namespace smt::demo {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void must(const Status& status) {
  if (!status.ok()) throw Failure(status.message());
}

template <class T>
T must(Result<T> result) {
  must(result.status());
  return std::move(*result);
}

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_MUST_H_
