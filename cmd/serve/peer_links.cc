#include "cmd/serve/peer_links.h"

#include <algorithm>
#include <utility>

namespace smt::cmd {
namespace {

relay::LinkOptions options_of(const PeerConfig& peer) {
  return {.bytes_per_s = peer.bytes_per_s, .compress = peer.compress};
}

relay::AddressOrder order_of(const PeerConfig& peer) {
  return peer.random_order ? relay::AddressOrder::kRandom : relay::AddressOrder::kListed;
}

}  // namespace

Result<PeerLinks::Change> PeerLinks::prepare(const std::vector<Entry<PeerConfig>>& peers) {
  Change change;
  std::vector<const Peer*> left;
  for (const Peer& peer : peers_) left.push_back(&peer);
  // What is bound first: a script that reads the line `ready` finds the port there.
  for (const bool binds : {true, false}) {
    for (const Entry<PeerConfig>& entry : peers) {
      const PeerConfig& config = entry.value;
      if (config.bind.empty() == binds) continue;
      Peer& peer = change.peers_.emplace_back(Peer{config, 0, {}});
      const auto same = std::find_if(left.begin(), left.end(), [&](const Peer* p) {
        return p->config.bind == config.bind && p->config.connect == config.connect &&
               p->config.random_order == config.random_order && p->config.dscp == config.dscp;
      });
      if (same != left.end()) {
        peer.number = (*same)->number;
        left.erase(same);
        continue;
      }
      const bool is_bound =
          binds && !config.bind.ends_with(":*") &&
          std::any_of(left.begin(), left.end(), [&](const Peer* p) { return p->config.bind == config.bind; });
      if (is_bound) {
        return Status(Code::kInvalid,
                      "the dscp of " + config.bind + " cannot change while the relay runs: restart it");
      }
      Result<RelayLoop::Links> links =
          binds ? loop_->bind(config.bind, config.dscp) : loop_->dial(config.connect, config.dscp);
      if (!links.ok()) return links.status();
      peer.links = std::move(*links);
    }
  }
  return change;
}

PeerLinks::Count PeerLinks::apply(Change change) {
  Count count;
  for (const Peer& before : peers_) {
    const auto now = std::find_if(change.peers_.begin(), change.peers_.end(),
                                  [&](const Peer& p) { return p.number == before.number; });
    if (now == change.peers_.end()) {
      loop_->remove(before.number);
      ++count.removed;
    } else if (options_of(now->config) != options_of(before.config)) {
      loop_->engine().set_options(before.number, options_of(now->config));
      ++count.changed;
    }
  }
  for (Peer& peer : change.peers_) {
    if (!peer.links) continue;
    peer.number = loop_->add(std::move(*peer.links), options_of(peer.config), order_of(peer.config));
    peer.links.reset();
    ++count.added;
  }
  peers_ = std::move(change.peers_);
  return count;
}

}  // namespace smt::cmd
