// The sessions of a relay: begins and ends them, and chooses which of a peer's addresses takes part.
#ifndef SMT_RELAY_SESSION_TABLE_H_
#define SMT_RELAY_SESSION_TABLE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/counters/counters.h"
#include "relay/link_table.h"
#include "relay/relay_options.h"
#include "relay/session/session.h"

namespace smt::relay {

class SessionTable {
 public:
  // What else the relay does: once a session has begun, and before one that ends is destroyed.
  struct Events {
    std::function<void(Session* session)> begun;
    std::function<void(uint64_t key)> ended;
  };
  // All outlive this.
  SessionTable(const RelayOptions* options, LinkTable* links, Outbound* outbound, Inbound* inbound,
               Counters* counters, Events events);

  // REQUIRES: `number` is not 0.
  void begin(LinkState* l, const PeerId& id, uint64_t number, Session::Peer peer, int64_t now_ns);
  // `why`: for the log, after "is gone: ".
  void end(uint64_t key, const std::string& why, int64_t now_ns);
  // The same, and the peer is told first. A peer that has dialled is not disconnected.
  void end(Session* session, proto::Reset::Reason reason, const std::string& text, const std::string& why,
           int64_t now_ns);

  Session* find(uint64_t key) const;
  // The session has grown, as it may. False: it, or all of them together, take more memory than they may.
  bool account(const Session& s);
  // There is memory for one session more.
  bool has_room() const { return bytes_ + Session::kMinBytes <= options_->max_session_bytes; }
  // Why there is none, for people.
  std::string full_text() const;
  // The one of this peer on this link; null: there is none.
  Session* find(const LinkState& l, const PeerId& id) const;
  Sessions& all() { return sessions_; }
  Schedule& schedule() { return schedule_; }
  const Schedule& schedule() const { return schedule_; }
  // Of the same process; see Hello.instance.
  std::vector<uint64_t> of_instance(uint64_t instance) const;
  const Sessions& all() const { return sessions_; }
  // Calls `f(session)` for each; f may end it.
  template <class F>
  void for_each(const F& f) {
    for (auto it = sessions_.begin(); it != sessions_.end();) f((it++)->second.get());
  }

  // Sessions of the addresses that are used take part; those of worse ones end.
  void choose_addresses(int64_t now_ns);
  // Whether other addresses of peers are used than at the last call.
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  const RelayOptions* const options_;
  LinkTable* const links_;
  Outbound* const outbound_;
  Inbound* const inbound_;
  Counters* const counters_;
  const Events events_;
  Schedule schedule_;
  Sessions sessions_;
  mutable Session* found_ = nullptr;                         // by find() last
  std::unordered_multimap<uint64_t, uint64_t> of_instance_;  // keys
  std::unordered_map<uint64_t, uint64_t> bytes_of_;          // of each, by key, as accounted
  uint64_t bytes_ = 0;                                       // of all
  uint64_t next_key_ = 1;
  bool changed_ = false;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_TABLE_H_
