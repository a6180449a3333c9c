#include "cmd/serve/meeting.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <vector>

namespace smt::cmd {

Meeting meet(RelayLoop* loop, int64_t deadline_ns) {
  using Outcome = Meeting::Outcome;
  Meeting meeting;
  loop->run([&](int64_t now) -> std::optional<int64_t> {
    const std::vector<relay::PeerInfo> peers = loop->engine().peers();
    const Status refusal = loop->engine().refusal();
    if (!peers.empty()) {
      meeting = {Outcome::kMet, peers.front().name};
    } else if (!refusal.ok()) {
      meeting = {refusal.code() == Code::kDenied ? Outcome::kDenied : Outcome::kRefused, refusal.message()};
    } else if (now >= deadline_ns) {
      const Probed found = loop->found(loop->endpoints().front());
      meeting = {Outcome::kNobody, reason_text(found, loop->has_keys()), found.answer};
    } else {
      return deadline_ns;
    }
    return std::nullopt;
  });
  return meeting;
}

relay::RelayOptions asking_options(const std::string& what) {
  relay::RelayOptions relay;
  relay.name = fmt::format("{}-{}", what, getpid());
  relay.origin_id = random_id();
  return relay;
}

}  // namespace smt::cmd
