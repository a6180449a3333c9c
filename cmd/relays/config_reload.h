// SIGHUP: the configuration is read again while the relay runs, and a file that somebody has rotated is
// opened again; where the terminal has gone, the relay ends.
#ifndef SMT_CMD_RELAYS_CONFIG_RELOAD_H_
#define SMT_CMD_RELAYS_CONFIG_RELOAD_H_

#include <functional>
#include <optional>
#include <string>

#include "cmd/config/relay_config.h"
#include "cmd/relays/config_flags.h"
#include "cmd/text/config_value.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// The configuration as its sources say now. Nothing, after errors: it is wrong, or differs from `present` in
// what cannot change while the relay runs (all but peers, rules, cache and log).
std::optional<RelayConfig> read_again(const ConfigFlags& flags, const RelayConfig& present,
                                      ConfigErrors* errors);

// Whether SIGHUP reloads: there is something to read again, a file or keys, and the process does not ignore
// the signal, as under nohup.
bool reloads_on_hangup(const ConfigFlags& flags, const RelayConfig& config);

// Where reloads_on_hangup(), SIGHUP is blocked in this thread from construction on. One object per process.
class ConfigReload {
 public:
  using Apply = std::function<Status(const RelayConfig& config)>;

  // `apply` puts a checked configuration in force; when it fails, the present one stays. `on_signal` is
  // called at each signal, before the configuration is read.
  ConfigReload(ConfigFlags flags, RelayConfig present, Apply apply, std::function<void()> on_signal);

  // Readable when the signal has come; -1 where it does not reload.
  int fd() const { return fd_.get(); }
  // Reads again and applies if it has, and logs what came of it. Looks at most every 10 ms. False: the
  // terminal has gone, and the relay is to end.
  bool poll(int64_t now_ns);
  // Why the last reload was refused, its first error; empty: it was not, or there was none.
  const std::string& failure() const { return failure_; }

 private:
  void reload();

  ConfigFlags flags_;
  RelayConfig present_;
  Apply apply_;
  std::function<void()> on_signal_;
  bool had_terminal_;  // at the start
  Fd fd_;
  int64_t next_look_ns_ = 0;
  std::string failure_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_CONFIG_RELOAD_H_
