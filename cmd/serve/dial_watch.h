// Looks after the endpoints that a relay dials: where nothing can flow it finds out why, and tells so. As in
// RepeatLog, a repeat is told once a minute, and what is told after a change of state is no repeat.
#ifndef SMT_CMD_SERVE_DIAL_WATCH_H_
#define SMT_CMD_SERVE_DIAL_WATCH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/serve/endpoint_probe.h"
#include "cmd/text/log_sink.h"
#include "relay/dialed_endpoint.h"
#include "shm/status.h"

namespace smt::cmd {

// What refuses to be the peer, see relay::DialedEndpoint, is a relay with another key.
bool has_other_key(const Status& refusal, Answer answer);

// Blocks nowhere; `now_ns` is BOOTTIME.
class DialWatch {
 public:
  // An endpoint is told of when it has been so for so long, and each reason once in the interval while it
  // lasts. Where a peer was there in between, it begins anew.
  static constexpr int64_t kTellNs = 5'000'000'000, kIntervalNs = 60'000'000'000;
  // A silent endpoint is probed from `probe_after_ns` on, and once in so long.
  static constexpr int64_t kProbeAfterNs = 1'000'000'000, kProbeIntervalNs = 10'000'000'000;

  // `log` is told of endpoints; where it has no function, found() alone says what is known.
  DialWatch(LogSink log, int64_t probe_after_ns) : log_(std::move(log)), probe_after_ns_(probe_after_ns) {}

  // `has_keys`: this relay encrypts. Returns when to look again.
  int64_t look(const std::vector<relay::DialedEndpoint>& dialed, bool has_keys, int64_t now_ns);

  // Why nobody answers there, so far as it is known; kError without a detail: it is not known.
  Probed found(const std::string& endpoint) const;
  // A probe has ended there since the last peer went.
  bool has_probed(const std::string& endpoint) const;

 private:
  using Reason = std::pair<relay::DialedEndpoint::Stands, Answer>;
  struct Watched {
    int64_t since_ns = 0;
    int64_t probe_ns = 0;               // when the next probe is due
    std::map<Reason, int64_t> told_ns;  // when each was told last
    EndpointProbe probe;
  };
  // Nothing: there is nothing to tell yet, or the engine has told it.
  static std::optional<Reason> reason(const relay::DialedEndpoint& d, const Watched& w, bool has_keys,
                                      int64_t now_ns);
  static std::string news(const relay::DialedEndpoint& d, const Watched& w, bool has_keys, int64_t now_ns);

  const LogSink log_;
  const int64_t probe_after_ns_;
  std::map<std::string, Watched> watched_;  // by endpoint
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_DIAL_WATCH_H_
