// A relay, its links, and the loop that drives them: one thread that steps while there is something to do and
// sleeps in one poll() otherwise.
#ifndef SMT_CMD_SERVE_RELAY_LOOP_H_
#define SMT_CMD_SERVE_RELAY_LOOP_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/serve/dial_watch.h"
#include "cmd/serve/repeat_log.h"
#include "cmd/serve/turn_time.h"
#include "cmd/text/log_sink.h"
#include "relay/keys/keyring.h"
#include "relay/link/link.h"
#include "relay/link/link_impair.h"
#include "relay/relay.h"
#include "relay/store/store.h"
#include "relay/zmq/link_zmq.h"
#include "shm/freshness.h"
#include "shm/status.h"

namespace smt::cmd {

// Random bits from the kernel.
uint64_t random64();  // never 0
Id128 random_id();

struct LoopOptions {
  bool spin = false;                             // never sleep
  int stop_fd = -1;                              // when it can be read, run() ends; -1: none
  std::vector<int> wake_fds = {};                // when one can be read, `after` is called; -1: none
  LogSink log = {};                              // of what the relay has to say
  std::optional<relay::Impairment> impair = {};  // of each link
  // Messages below this severity do not go to the log.
  relay::Severity log_from = relay::Severity::kDebug;
  std::shared_ptr<const relay::Keyring> keys = {};  // none: links are open to all
  // The log is told where nothing flows that is dialled, see DialWatch; a silent endpoint is probed then.
  bool tells_silence = true;
  int64_t probe_after_ns = DialWatch::kProbeAfterNs;
};

class RelayLoop {
 public:
  ~RelayLoop();
  // Fills in `keys`, `instance`, `random` and `log`. `store` outlives the loop. With keys no core file is
  // written. Throws std::runtime_error: with keys nothing would be asked who connects.
  RelayLoop(relay::Store* store, relay::RelayOptions relay, LoopOptions options = {});

  // Opened, and not in use yet.
  using Links = std::vector<std::unique_ptr<relay::Link>>;
  // See relay::ZmqContext.
  Result<Links> bind(const std::string& endpoint, uint8_t dscp = 0);
  // Addresses of one peer.
  Result<Links> dial(const std::vector<std::string>& endpoints, uint8_t dscp = 0);
  // Other keys for what is bound and dialled from here on; sessions that stand are the engine's, see
  // relay::Relay. Another key of this relay's own ends those of peers that have dialled it. kSystem: see
  // relay::ZmqContext. REQUIRES: there were keys
  Status change_keys(std::shared_ptr<const relay::Keyring> keys);
  // What relay::Relay calls so. Never while it steps: from `after` of run(), or outside.
  uint64_t add(Links links, const relay::LinkOptions& options = {},
               relay::AddressOrder order = relay::AddressOrder::kListed);
  void remove(uint64_t number);
  // As they were bound, with the ports that were taken, and dialled; in order.
  std::vector<std::string> endpoints() const;

  relay::Relay& engine() { return relay_; }
  const relay::Relay& engine() const { return relay_; }
  bool has_keys() const { return options_.keys != nullptr; }
  // Why nobody answers at an endpoint, see DialWatch.
  Probed found(const std::string& endpoint) const { return watch_.found(endpoint); }
  bool has_probed(const std::string& endpoint) const { return watch_.has_probed(endpoint); }
  // To the log, once a minute if it repeats: see RepeatLog. At the end nothing is held back.
  void log(relay::Severity severity, const relay::MessageKey& key, const std::string& text);

  // Runs until `stop_fd` can be read or `after` returns nothing. `after` is called after each step, and at
  // the BOOTTIME that it returned last at the latest.
  using After = std::function<std::optional<int64_t>(int64_t now_ns)>;
  void run(const After& after);
  // The same, and `stop_fd` does not end it: for what is to be said at the end.
  void finish(const After& after);

 private:
  relay::RelayOptions complete(relay::RelayOptions relay);
  // False: `stop_fd` can be read.
  bool sleep(int64_t until_ns);
  bool ended() const;
  void run_loop(const After& after);

  relay::TopicSource* source_;  // wakes the loop
  LoopOptions options_;
  bool finishing_ = false;  // `stop_fd` ends nothing
  bool looked_ = false;     // at `stop_fd`, by sleep()
  TurnTime turns_;
  RepeatLog log_;
  DialWatch watch_;
  relay::ZmqContext context_;
  relay::Relay relay_;
  struct Followed {
    uint64_t number;
    relay::Link* link;  // relay_ owns it
  };
  std::vector<Followed> links_;  // polled
  uint64_t impaired_ = 0;        // links so far
  std::vector<pollfd> fds_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_RELAY_LOOP_H_
