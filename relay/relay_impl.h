// What a Relay is inside. relay.cc is what it does in each step, meeting.cc how its sessions begin and end,
// barring.cc what becomes of peers that break the rules.
#ifndef SMT_RELAY_RELAY_IMPL_H_
#define SMT_RELAY_RELAY_IMPL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/relay.h"
#include "relay/requests/questions.h"
#include "relay/requests/sets.h"
#include "relay/requests/trace.h"
#include "relay/rules/access.h"
#include "relay/session/allowance.h"
#include "relay/session/alternatives.h"
#include "relay/session/bars.h"
#include "relay/session/dial.h"
#include "relay/session/session.h"
#include "relay/writes/writes.h"

namespace smt::relay {

class Relay::Impl {
 public:
  Impl(Store* s, RelayOptions o)
      : store(s),
        options(std::move(o)),
        access(
            [this](const std::string& key, const std::string& text) { Log(Severity::kWarning, key, text); }),
        outbound(s, &access, &counters.outbound),
        inbound(s, options.origin_id, &counters.inbound) {
    (void)access.compile(options.access);
    (void)outbound.configure(options.send);
    (void)inbound.configure(options.receive);
    if (options.write.empty()) return;
    writes.emplace(s, &access, options.write_node, options.origin_id, options.audit, &counters.write);
    (void)writes->configure(options.write);
    sets = Sets(&sessions, &*writes);
  }

  struct LinkState {
    uint64_t number = 0;
    std::unique_ptr<Link> link;
    LinkOptions options;
    Dial dial;                            // only of a link that dials
    std::map<PeerId, uint64_t> sessions;  // keys
    std::shared_ptr<Alternatives>
        others;            // of one peer's several addresses, this among them; null: it has one
    size_t rank = 0;       // there
    int64_t alone_ns = 0;  // of a link that dials: since when it has none; 0: not looked at yet
  };
  bool serves() const { return !options.send.empty(); }
  // Looks at the store, and tells each session what has changed.
  void collect(int64_t at_ns) {
    const Changes& changes = outbound.collect(at_ns);
    for (const auto& [key, s] : sessions) s->feed().on_changes(changes, at_ns);
  }
  // The next step needs a store that is collected.
  bool look_due(int64_t at_ns) const {
    return traces.look_due() || sets.look_due() || (writes && writes->due_ns() <= at_ns);
  }

  void Log(Severity severity, const std::string& key, const std::string& text) const {
    if (options.log) options.log(severity, key, text);
  }
  Session* Find(uint64_t key) {
    const auto it = sessions.find(key);
    return it == sessions.end() ? nullptr : it->second.get();
  }

  size_t Receive(LinkState* l);
  void Handle(LinkState* l, const Incoming& in);
  bool Hear(Session* s, const Incoming& in);
  void HandleHello(LinkState* l, const Incoming& in, const proto::Envelope& m);
  void HandleReset(LinkState* l, Session* s, const proto::Envelope& m);
  void HandleCut(LinkState* l, const Incoming& in);
  void BreaksProtocol(Session* s);
  // `key`: "" where nothing proves who it is.
  void Strike(LinkState* l, const PeerId& peer, const std::string& key);
  void Bar(LinkState* l, const PeerId& peer, const std::string& key, const std::string& why);
  int64_t Clock() const;
  bool MayAsk(const Session& s);
  void Charge(const Session& s, int64_t begun_ns);
  void AnswerRequests();
  void Refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
              const std::string& text);
  std::string Hello(uint64_t session) const;
  std::optional<std::string> NameOf(const Incoming& in, const proto::Hello& hello) const;
  Session* Begin(LinkState* l, const Incoming& in, const proto::Envelope& m);
  void Add(uint64_t number, std::unique_ptr<Link> link, const LinkOptions& options);
  void End(uint64_t key, const std::string& why);
  void DialOut(LinkState* l);
  void ChooseAddresses();
  void UpdateWants();
  std::vector<Selection> WantsFor(const Session& s);
  Viewpoint View();

  Store* store;
  RelayOptions options;
  Counters counters;
  Access access;
  Outbound outbound;
  Inbound inbound;
  std::vector<std::unique_ptr<LinkState>> links;
  uint64_t next_number = 1;  // of them
  Sessions sessions;
  Bars bars;
  std::map<std::string, Allowance> allowances;  // by peer
  uint64_t last_asker = 0;                      // key of a session
  Questions questions{&sessions};
  Traces traces{&sessions};
  std::optional<Writes> writes;  // none: there were no rules to begin with
  Sets sets{&sessions, nullptr};
  uint64_t next_key = 1;
  int64_t now_ns = 0;
  bool looked = false;  // at the store
  bool wants_changed = false;
  bool asked = false;  // since the last step
  Status refusal;
  proto::Envelope message;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RELAY_IMPL_H_
