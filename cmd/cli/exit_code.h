// The exit codes of all tools (the same in docs, tests and scripts).
#ifndef SMT_CMD_CLI_EXIT_CODE_H_
#define SMT_CMD_CLI_EXIT_CODE_H_

#include "shm/status.h"

namespace smt::cmd {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;     // bad flag, argument, value or configuration
inline constexpr int kExitTimeout = 3;   // the topic is there, and no data came in time
inline constexpr int kExitNoTopic = 4;   // no such topic
inline constexpr int kExitMismatch = 5;  // another schema
inline constexpr int kExitDenied = 6;
inline constexpr int kExitNoPeer = 7;  // nobody answered at the endpoint

// Files, folders and nodes that are not there are failures; see fail_topic() for topics.
inline int exit_code_of(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return kExitOk;
    case Code::kInvalid:
      return kExitUsage;
    case Code::kMismatch:
      return kExitMismatch;
    case Code::kDenied:
      return kExitDenied;
    default:
      return kExitFailure;
  }
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_EXIT_CODE_H_
