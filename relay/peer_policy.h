// Ends, disconnects and bans peers that break the rules, as far as it is known who they are.
#ifndef SMT_RELAY_PEER_POLICY_H_
#define SMT_RELAY_PEER_POLICY_H_

#include <cstdint>
#include <string>

#include "relay/counters/counters.h"
#include "relay/link/link.h"
#include "relay/link_table.h"
#include "relay/relay_options.h"
#include "relay/session/penalty_box.h"
#include "relay/session/session.h"
#include "relay/session_table.h"

namespace smt::relay {

class PeerPolicy {
 public:
  // All outlive this.
  PeerPolicy(const RelayOptions* options, LinkTable* links, SessionTable* sessions, Counters* counters)
      : options_(options), links_(links), sessions_(sessions), counters_(counters) {}

  const PenaltyBox& penalty_box() const { return penalty_box_; }

  // A message came that no peer of this version sends: the session is begun anew.
  void on_violation(Session* s, int64_t now_ns);
  // A message came that could not be read. `key`: "" where nothing proves whose it is.
  void on_malformed(LinkState* l, const PeerId& peer, const std::string& key, int64_t now_ns);
  // What the peer has said takes more memory than it may: its session ends.
  void on_full(Session* s, int64_t now_ns);
  // The link has cut a connection.
  void on_cut(LinkState* l, const Incoming& in, int64_t now_ns);

 private:
  // REQUIRES: the key is banned.
  void disconnect(LinkState* l, const PeerId& peer, const std::string& key, const std::string& why,
                  int64_t now_ns);

  const RelayOptions* const options_;
  LinkTable* const links_;
  SessionTable* const sessions_;
  Counters* const counters_;
  PenaltyBox penalty_box_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_PEER_POLICY_H_
