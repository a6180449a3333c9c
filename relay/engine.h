// The engine receives, answers, looks at the store and sends in each step of a relay. The parts that have a
// state of their own are its members: the links, the sessions over them, the handshake that begins these, the
// policy for peers that break the rules, the turns of their requests, what is wanted of them, and the
// requests that wait for replies. See Relay for what its users call.
#ifndef SMT_RELAY_ENGINE_H_
#define SMT_RELAY_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/codec.h"
#include "relay/counters/counters.h"
#include "relay/dialed_endpoint.h"
#include "relay/explain/explain.h"
#include "relay/handshake.h"
#include "relay/inbound/inbound.h"
#include "relay/keys/keyring.h"
#include "relay/link_table.h"
#include "relay/names/pattern.h"
#include "relay/outbound/outbound.h"
#include "relay/peer_policy.h"
#include "relay/relay_options.h"
#include "relay/request_turns.h"
#include "relay/requests/get_requests.h"
#include "relay/requests/results.h"
#include "relay/requests/set_requests.h"
#include "relay/requests/trace_requests.h"
#include "relay/rules/access.h"
#include "relay/session/session.h"
#include "relay/session_table.h"
#include "relay/store/store.h"
#include "relay/wants.h"
#include "relay/writes/writes.h"

namespace smt::relay {

class Engine {
 public:
  Engine(Store* store, RelayOptions options);
  ~Engine();  // says goodbye to each peer

  LinkTable& links() { return links_; }
  SessionTable& sessions() { return sessions_; }
  const SessionTable& sessions() const { return sessions_; }
  const LinkTable& links() const { return links_; }
  const GetRequests& get_requests() const { return get_requests_; }
  const TraceRequests& trace_requests() const { return trace_requests_; }
  const SetRequests& set_requests() const { return set_requests_; }

  uint64_t add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options, AddressOrder order);
  void remove(uint64_t number);
  void set_options(uint64_t number, const LinkOptions& options);
  Status configure(std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                   std::vector<Subscription> cache, std::vector<WriteRule> write, const AccessRules& access);
  void hang_up(const std::string& why);
  void change_keys(std::shared_ptr<const Keyring> keys);

  size_t step(int64_t now_ns);
  bool idle() const { return !asked_ && !look_due(now_ns_) && !links_.readable(); }
  int64_t next_due_ns() const;
  bool has_demand() const;

  uint64_t get(const std::vector<Subscription>& subscriptions, bool list, int64_t now_ns, int64_t timeout_ns);
  uint64_t trace(const std::string& topic, int64_t now_ns, int64_t timeout_ns);
  uint64_t set(const SetRequest& request, int64_t now_ns, int64_t timeout_ns);
  void end_writes(int64_t now_ns);
  Counters counters() const;
  std::vector<DialedEndpoint> dialed() const;
  bool offers(const Pattern& pattern, int64_t now_ns);
  bool receives(const Pattern& pattern) const;

 private:
  // Receiving.
  size_t receive(LinkState* l);
  void look_at_connection(LinkState* l);
  void handle(LinkState* l, const Incoming& in);
  void on_unreadable(LinkState* l, const Incoming& in, Session* s, bool corrupt);
  bool handle_session_message(Session* s, const Incoming& in);
  void answer_requests();

  // What follows from it.
  void time_step();
  Session* find(uint64_t key) const { return sessions_.find(key); }
  int64_t due_ns(const Session& s) const;
  void on_begun(Session* s);
  void on_ended(uint64_t key);
  // Nobody waits for its replies any more.
  void end_requests(uint64_t key);
  void end_silent();
  void collect(int64_t now_ns);
  size_t send();
  size_t send(Session* s);

  Viewpoint view();
  DialedEndpoint::Stands stands(const LinkState& l) const;
  int64_t clock() const { return options_.now ? options_.now() : now_ns_; }
  // The next step needs a store that is collected.
  bool look_due(int64_t at_ns) const {
    return trace_requests_.look_due() || set_requests_.look_due() || (writes_ && writes_->due_ns() <= at_ns);
  }

  Store* const store_;
  RelayOptions options_;
  Counters counters_;
  Access access_;
  Outbound outbound_;
  Inbound inbound_;
  LinkTable links_;
  SessionTable sessions_;
  PeerPolicy policy_;
  Handshake handshake_;
  RequestTurns turns_;
  Wants wants_;
  GetRequests get_requests_;
  TraceRequests trace_requests_;
  std::optional<Writes> writes_;  // none: there were no rules to begin with
  SetRequests set_requests_;
  std::map<uint64_t, Session*> followers_;  // by key: those that are told of changes of the store
  std::vector<uint64_t> in_turn_;           // keys of the sessions that send in this step
  int64_t first_due_ns_ = 0;                // of the sessions, when the last step ended
  int64_t now_ns_ = 0;
  bool works_ = false;          // at what is done in pieces: the next step is due at once
  int64_t stepped_cpu_ns_ = 0;  // RelayOptions::cpu_time when the last step began; 0: there was none
  bool looked_ = false;         // at the store
  bool asked_ = false;          // since the last step
  proto::Envelope message_;
  proto::BatchColumns columns_;  // if it is a Batch
};

}  // namespace smt::relay

#endif  // SMT_RELAY_ENGINE_H_
