// The first peer that answers where a tool dials, or why none does.
#ifndef SMT_CMD_SERVE_MEETING_H_
#define SMT_CMD_SERVE_MEETING_H_

#include <cstdint>
#include <string>

#include "cmd/serve/endpoint_probe.h"
#include "cmd/serve/relay_loop.h"

namespace smt::cmd {

struct Meeting {
  enum class Outcome {
    kMet,
    kRefused,  // a relay is there, and no session comes about: another version, no room, this relay itself
    kDenied,   // the same, for a key
    kNobody,   // nobody has answered in time
    kStopped,  // the loop's `stop_fd` can be read
  };
  Outcome outcome = Outcome::kStopped;
  std::string text = {};           // the peer's name; or why, as people are told; "": that is not known
  bool serves = false;             // the peer sends topics
  Answer answer = Answer::kError;  // of a probe, where kNobody
};

// Runs the loop until a peer is there, somebody has refused, or it is `deadline_ns`.
Meeting meet(RelayLoop* loop, int64_t deadline_ns);

// The options of a relay that only asks. It is called "WHAT-PID".
relay::RelayOptions asking_options(const std::string& what);

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_MEETING_H_
