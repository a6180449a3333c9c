// One relay: a store, its links and the sessions over them. pub, sub, proxy and client are the same class
// with other options.
#ifndef SMT_RELAY_RELAY_H_
#define SMT_RELAY_RELAY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/counters/counters.h"
#include "relay/dialed_endpoint.h"
#include "relay/keys/keyring.h"
#include "relay/link/link.h"
#include "relay/names/pattern.h"
#include "relay/relay_options.h"
#include "relay/requests/results.h"
#include "relay/rules/rules.h"
#include "relay/rules/subscription.h"
#include "relay/session/alternatives.h"
#include "relay/store/store.h"
#include "shm/status.h"

namespace smt::relay {

class Engine;

// The peer at the other end of a session.
struct PeerInfo {
  std::string name;
  std::string endpoint;
  bool serves = false;
  int64_t rtt_ns = 0;  // 0: not known
};

// Reads no clock: `now_ns` is BOOTTIME and never goes back. One thread.
class Relay {
 public:
  using GetResult = relay::GetResult;
  using TraceResult = relay::TraceResult;
  using SetRequest = relay::SetRequest;
  using SetResult = relay::SetResult;

  // `store` outlives the relay. REQUIRES: configure() would take the rules.
  Relay(Store* store, RelayOptions options);
  ~Relay();  // says goodbye to each peer

  // The number by which the next two know it.
  uint64_t add(std::unique_ptr<Link> link, const LinkOptions& options = {});
  // Several addresses of one peer, all of them dialling: see relay/session/alternatives.h. They have one
  // number. kRandom: RelayOptions::random draws the order, now and once.
  uint64_t add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options = {},
               AddressOrder order = AddressOrder::kListed);
  // Says goodbye to who is there; its sessions end, and the link is destroyed.
  void remove(uint64_t number);
  // From here on; its sessions go on.
  void set_options(uint64_t number, const LinkOptions& options);

  // Other rules from here on. What they treat as before is not disturbed. kInvalid: they are none, and
  // nothing has changed. REQUIRES: `send` is empty if and only if it was; `write` is empty if it was at
  // first.
  Status configure(std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                   std::vector<Subscription> cache, std::vector<WriteRule> write, const AccessRules& access);

  // Ends the sessions of those who have dialled this relay, and tells them: they dial again at once.
  void hang_up(const std::string& why);
  // Other keys from here on: sessions of peers whose key is gone, or is another one's, end.
  void change_keys(std::shared_ptr<const Keyring> keys);

  // Receives, writes, looks, sends; never blocks. Returns the number of messages that were received or sent;
  // whether there is more to do at once, idle() says.
  size_t step(int64_t now_ns);

  // Whether the caller may sleep now; false: step again.
  bool idle();
  // When step() is due even if nothing happens (BOOTTIME).
  int64_t next_due_ns() const;
  // A peer wants something, so that changes of the store matter: sleep on TopicSource::fd() too.
  bool has_demand() const;

  // Asks all peers that serve, and those that come within the time given. The values, or with `list` the
  // descriptions alone, arrive in the store. Returns the number of the request.
  uint64_t get(const std::vector<Subscription>& subscriptions, bool list, int64_t now_ns, int64_t timeout_ns);
  // Of a request that is done no longer than one second ago.
  GetResult get_result(uint64_t request) const;

  // Asks all peers, and through them all relays, what they know of a topic. Returns the number of the
  // request. REQUIRES: check_topic_name(topic) is OK.
  uint64_t trace(const std::string& topic, int64_t now_ns, int64_t timeout_ns);
  // Of a request that is done no longer than one second ago.
  TraceResult trace_result(uint64_t request) const;

  // A value for another relay's memory. The answers of all to a probe, else that of the target: see
  // PROTOCOL.md. The holder is this process. Returns the number of the request.
  uint64_t set(const SetRequest& request, int64_t now_ns, int64_t timeout_ns);
  // Of a request that is done no longer than one second ago.
  SetResult set_result(uint64_t request) const;
  // What peers have set is not watched from here on: all leases end, with their fail-safe values.
  void end_writes(int64_t now_ns);

  std::vector<PeerInfo> peers() const;
  // Why a peer was refused for good reason, until one is there: kVersion, kDenied (a key is not known),
  // kInvalid, or kMismatch, see DialedEndpoint.
  Status refusal() const;
  // Those of the links that dial.
  std::vector<DialedEndpoint> dialed() const;
  // Whether the store has, or a peer has told of, a topic that the pattern names; a peer calls it so. Each
  // looks at all topics.
  bool offers(const Pattern& pattern, int64_t now_ns);
  bool receives(const Pattern& pattern) const;
  Counters counters() const;

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RELAY_H_
