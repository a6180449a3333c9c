#include "cmd/relays/relay_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

constexpr int64_t kStatusNs = 1'000'000'000;

}  // namespace

int64_t RelayService::look(const RelayLoop& loop, const std::string& refused, int64_t now_ns) {
  if (!notifier_.has_supervisor()) return kNever;
  if (!is_ready_ || now_ns >= next_status_ns_) {
    const std::string state = fmt::format("at {}, peers connected: {}", fmt::join(loop.endpoints(), " "),
                                          loop.engine().peers().size());
    notifier_.status(refused.empty() ? state : fmt::format("reload refused: {}; {}", refused, state));
    next_status_ns_ = next_tick_ns(now_ns, kStatusNs);
  }
  if (!std::exchange(is_ready_, true)) notifier_.ready();
  return std::min(next_status_ns_, notifier_.look(now_ns));
}

void RelayService::begin_reload() {
  notifier_.reloading();
  is_ready_ = false;
}

}  // namespace smt::cmd
