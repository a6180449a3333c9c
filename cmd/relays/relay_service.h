// A relay as a service: what its supervisor is told, see ServiceNotifier.
#ifndef SMT_CMD_RELAYS_RELAY_SERVICE_H_
#define SMT_CMD_RELAYS_RELAY_SERVICE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "cmd/cli/service_notifier.h"
#include "cmd/serve/relay_loop.h"

namespace smt::cmd {

class RelayService {
 public:
  explicit RelayService(ServiceNotifier notifier) : notifier_(std::move(notifier)) {}

  // After each step. The relay is ready after the first one, for by then a peer that connects is answered;
  // and again after the first one since begin_reload(). `refused`: why the last reload was, or empty. Returns
  // the BOOTTIME of the next call.
  int64_t look(const RelayLoop& loop, const std::string& refused, int64_t now_ns);
  void begin_reload();
  void stop() { notifier_.stopping(); }

 private:
  ServiceNotifier notifier_;
  bool is_ready_ = false;
  int64_t next_status_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_RELAY_SERVICE_H_
