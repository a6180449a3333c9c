// The subscriptions of a relay at each of its peers: those of its rules, and for a proxy also those of its
// other peers.
#ifndef SMT_RELAY_WANTS_H_
#define SMT_RELAY_WANTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
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

  std::vector<Subscription> of(const Session& s);
  // The peer wants something else, or its session takes part, or no longer.
  void on_want(const Session& s);
  void on_session_ended(uint64_t key);
  // The rules are other ones now.
  void change() {
    changed_ = true;
    of_all_.reset();
  }
  // Tells all peers what has changed.
  void update();

 private:
  // What all but one session want.
  std::vector<Subscription> united_but(uint64_t key) const;

  const RelayOptions* const options_;
  const Inbound* const inbound_;
  const Sessions* const sessions_;
  bool changed_ = false;
  using Same = std::map<std::string, std::set<uint64_t>>;  // sessions that want the same, by what that is
  Same same_;
  std::map<uint64_t, Same::iterator> wanting_;       // sessions that want something
  std::optional<std::vector<Subscription>> of_all_;  // what a session is asked for that wants nothing
};

}  // namespace smt::relay

#endif  // SMT_RELAY_WANTS_H_
