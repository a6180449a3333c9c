// The subscriptions of a relay at each of its peers: those of its rules, and for a proxy also those of its
// other peers.
#ifndef SMT_RELAY_WANTS_H_
#define SMT_RELAY_WANTS_H_

#include <utility>
#include <vector>

#include "relay/inbound/inbound.h"
#include "relay/relay_options.h"
#include "relay/rules/subscription.h"
#include "relay/session/session.h"

namespace smt::relay {

class Wants {
 public:
  // All outlive this.
  Wants(const RelayOptions* options, const Inbound* inbound, const Sessions* sessions)
      : options_(options), inbound_(inbound), sessions_(sessions) {}

  std::vector<Subscription> of(const Session& s) const;
  // The rules, the sessions or what these want are other ones: the next update() tells all peers.
  void change() { changed_ = true; }
  void update();

 private:
  const RelayOptions* const options_;
  const Inbound* const inbound_;
  const Sessions* const sessions_;
  bool changed_ = false;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_WANTS_H_
