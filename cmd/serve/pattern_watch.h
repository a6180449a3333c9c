// Looks for patterns of the rules that match no topic, as misspelt ones do, and tells of them once.
#ifndef SMT_CMD_SERVE_PATTERN_WATCH_H_
#define SMT_CMD_SERVE_PATTERN_WATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/config/relay_config.h"
#include "cmd/text/log_sink.h"
#include "relay/names/pattern.h"
#include "relay/relay.h"

namespace smt::cmd {

class PatternWatch {
 public:
  // Topics have so long to appear: from the beginning, and those of peers since one is there that sends.
  static constexpr int64_t kWaitNs = 10'000'000'000;

  explicit PatternWatch(LogSink log) : log_(std::move(log)) {}

  // These rules count from here on. A proxy has only what is asked for, so of its rules only the cache
  // counts.
  void begin(const RelayConfig& config, int64_t now_ns);

  // Looks at one pattern at most, as there may be very many topics. Returns when to look again, or kNever.
  int64_t look(relay::Relay* relay, int64_t now_ns);

 private:
  struct Direction {
    std::vector<relay::Pattern> left;    // to be looked at
    std::vector<std::string> unmatched;  // of those that were
    int64_t due_ns = 0;
  };
  // True: it was the last one.
  template <class Matches>
  static bool look(Direction* direction, const Matches& matches);

  const LogSink log_;
  Direction send_, receive_;
  bool is_served_ = false;  // a peer is there that sends
  int64_t due_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_PATTERN_WATCH_H_
