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
    const std::string endpoint = loop->endpoints().front();
    const bool is_clear = refusal.code() != Code::kMismatch;  // else the probe tells what is there
    if (!peers.empty()) {
      meeting = {Outcome::kMet, peers.front().name, peers.front().serves};
    } else if (!refusal.ok() && is_clear) {
      meeting = {refusal.code() == Code::kDenied ? Outcome::kDenied : Outcome::kRefused, refusal.message()};
    } else if (now >= deadline_ns || (!refusal.ok() && loop->has_probed(endpoint))) {
      const Probed found = loop->found(endpoint);
      meeting = {Outcome::kNobody, reason_text(found, loop->has_keys()), false, found.answer};
      if (has_other_key(refusal, found.answer))
        meeting = {Outcome::kDenied, "cannot connect to " + endpoint + ": " + refusal.message()};
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
