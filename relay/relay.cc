#include "relay/relay.h"

#include <algorithm>
#include <map>
#include <set>

#include "relay/dial.h"
#include "relay/session.h"

namespace smt::relay {

namespace {

// Of one link in one step, so that sending gets its turn.
constexpr int kMostReceived = 64;
constexpr size_t kMostSessions = 1000;
constexpr size_t kMostRequests = 1024;  // of one peer
constexpr int64_t kPassOnNs = 1'000'000'000;
constexpr int64_t kKeepAnswerNs = 1'000'000'000;
// Sleeping longer gains nothing, and the mirror's `alive_until` is to be moved.
constexpr int64_t kLongestSleepNs = 100'000'000;

std::span<const std::byte> Bytes(const std::string& s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

// For the log: what a peer says is text that nobody has checked.
std::string Readable(std::string text) {
  text.resize(std::min<size_t>(text.size(), 200));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::vector<Selection> OneHopFurther(const std::vector<Selection>& selections) {
  std::vector<Selection> out;
  Unite(selections, 1, &out);
  return out;
}

}  // namespace

class Relay::Impl {
 public:
  Impl(Store* s, RelayOptions o)
      : store(s),
        options(std::move(o)),
        outbound(s, options.send, &counters.outbound),
        inbound(s, ForInbound(), &counters.inbound) {}

  struct LinkState {
    std::unique_ptr<Link> link;
    Dial dial;                            // only of a link that dials
    std::map<PeerId, uint64_t> sessions;  // keys
  };
  // A question of this process or of a peer that waits for the answers of others.
  struct Question {
    uint64_t asker = 0;  // session key; 0: this process
    uint64_t request = 0;
    Demand demand;
    bool list = false;
    int64_t deadline_ns = 0;
    std::set<uint64_t> waiting;  // session keys
    Answer answer{.done = false, .complete = true, .topics = 0, .peers = 0};
  };

  InboundOptions ForInbound() const {
    InboundOptions in;
    Result<Demand> receive = Demand::compile(options.receive);
    if (receive.ok()) in.receive = std::move(*receive);
    // Without rules only what was asked for with get() comes.
    in.takes_all = options.proxy || options.receive.empty();
    in.prefix = options.prefix;
    in.origin_id = options.origin_id;
    return in;
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
  void HandleHello(LinkState* l, const Incoming& in, const proto::Envelope& m);
  void HandleReset(LinkState* l, Session* s, const proto::Envelope& m);
  bool HandleGet(Session* s, const proto::Get& get);
  void HandleReply(Session* s, const proto::Reply& reply);
  void Refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
              const std::string& text);
  std::string Hello(uint64_t session) const;
  Session* Begin(LinkState* l, const Incoming& in, const proto::Envelope& m);
  void End(uint64_t key, const std::string& why);
  void DialOut(LinkState* l);
  void UpdateWants();
  void UpdateQuestions();
  std::vector<Selection> WantsFor(const Session& s);

  Store* store;
  RelayOptions options;
  Counters counters;
  Outbound outbound;
  Inbound inbound;
  std::vector<std::unique_ptr<LinkState>> links;
  std::map<uint64_t, std::unique_ptr<Session>> sessions;  // by key
  std::map<uint64_t, Question> questions;                 // by number
  uint64_t next_key = 1, next_question = 1;
  int64_t now_ns = 0;
  bool wants_changed = false;
  bool questions_changed = false;  // since the last step
  std::string refusal;
  proto::Envelope message;
};

std::string Relay::Impl::Hello(uint64_t session) const {
  proto::Hello hello;
  hello.set_least_version(proto::kLeastVersion);
  hello.set_version(proto::kVersion);
  hello.set_instance(options.instance);
  hello.set_origin_id(std::string(options.origin_id.begin(), options.origin_id.end()));
  hello.set_name(options.name);
  hello.set_serves(options.serves);
  return proto::Seal(session, 0, hello);
}

void Relay::Impl::Refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
                         const std::string& text) {
  proto::Reset reset;
  reset.set_reason(reason);
  reset.set_text(text);
  reset.set_least_version(proto::kLeastVersion);
  reset.set_version(proto::kVersion);
  ++counters.session.resets;
  l->link->send(to, Bytes(proto::Seal(session, 0, reset)), Frame());
}

size_t Relay::Impl::Receive(LinkState* l) {
  size_t received = 0;
  Incoming in;
  while (received < kMostReceived && l->link->receive(&in)) {
    ++received;
    Handle(l, in);
  }
  return received;
}

void Relay::Impl::Handle(LinkState* l, const Incoming& in) {
  const proto::Opened opened =
      in.malformed ? proto::Opened::kMalformed : proto::Open(in.header, in.payload, &message);
  const auto known = l->sessions.find(in.peer);
  Session* s = known == l->sessions.end() ? nullptr : Find(known->second);
  if (opened != proto::Opened::kOk) {
    ++(opened == proto::Opened::kCorrupt ? counters.session.corrupt : counters.session.malformed);
    Log(Severity::kWarning, "malformed " + l->link->endpoint(),
        std::string(opened == proto::Opened::kCorrupt ? "a damaged" : "a malformed") + " message on " +
            l->link->endpoint() +
            (s != nullptr ? " from " + s->peer().name + "; the session is begun anew" : "") + "; dropped");
    if (s == nullptr) return;
    s->say_reset(proto::Reset::MALFORMED, "a message could not be read");
    End(s->key(), "a message of it could not be read");
    return;
  }
  if (message.has_hello()) return HandleHello(l, in, message);
  if (message.has_reset()) return HandleReset(l, s, message);
  if (s == nullptr || message.session() != s->number()) {
    ++counters.session.wrong_session;
    // On a dialled link what is still on its way of a session that has ended; it needs no answer.
    if (!l->link->dials())
      Refuse(l, in.peer, message.session(), proto::Reset::UNKNOWN_SESSION, "no such session; say Hello");
    return;
  }
  s->alive(now_ns);
  Session::Heard heard = Session::Heard::kFine;
  const bool number_fits = s->hear_number(message);
  if (!number_fits) {
    heard = Session::Heard::kMalformed;
  } else if (message.has_get()) {
    if (!HandleGet(s, message.get())) heard = Session::Heard::kMalformed;
  } else if (message.has_reply()) {
    HandleReply(s, message.reply());
  } else {
    heard = s->hear(message, in.payload, now_ns);
    if (message.has_want()) wants_changed = true;
  }
  if (heard == Session::Heard::kFine) return;
  ++counters.session.malformed;
  Log(Severity::kWarning, "protocol " + s->peer().name,
      "peer " + s->peer().name + " on " + l->link->endpoint() +
          " breaks the protocol; the session is begun anew");
  s->say_reset(proto::Reset::MALFORMED, "a message that no peer of version 1 sends");
  End(s->key(), "it broke the protocol");
  if (l->link->dials()) l->dial.refused(now_ns);  // it may well do so again
}

Session* Relay::Impl::Begin(LinkState* l, const Incoming& in, const proto::Envelope& m) {
  Session::Peer peer;
  peer.instance = m.hello().instance();
  peer.name = Readable(m.hello().name());
  std::copy_n(m.hello().origin_id().begin(),
              std::min<size_t>(m.hello().origin_id().size(), peer.origin.size()), peer.origin.begin());
  peer.serves = m.hello().serves();
  const uint64_t key = next_key++;
  const auto warn = [this](const std::string& k, const std::string& text) {
    Log(Severity::kWarning, k, text);
  };
  Session* s =
      sessions
          .emplace(key, std::make_unique<Session>(key, m.session(), l->link.get(), in.peer, std::move(peer),
                                                  &outbound, &inbound, warn, now_ns))
          .first->second.get();
  l->sessions[in.peer] = key;
  ++counters.session.opened;
  refusal.clear();
  Log(Severity::kInfo, "peer " + l->link->endpoint() + s->peer().name,
      "peer " + s->peer().name + " on " + l->link->endpoint());
  s->want(WantsFor(*s));
  return s;
}

void Relay::Impl::HandleHello(LinkState* l, const Incoming& in, const proto::Envelope& m) {
  const proto::Hello& hello = m.hello();
  const uint32_t common = std::min(hello.version(), proto::kVersion);
  const bool fits = common >= std::max(hello.least_version(), proto::kLeastVersion);
  if (!fits) {
    ++counters.session.wrong_version;
    refusal = "peer " + Readable(hello.name()) + " on " + l->link->endpoint() + " speaks protocol version " +
              std::to_string(hello.least_version()) + " to " + std::to_string(hello.version()) +
              ", this is version " + std::to_string(proto::kLeastVersion) + " to " +
              std::to_string(proto::kVersion) + ": upgrade the older of the two";
    Log(Severity::kError, "version " + l->link->endpoint(), refusal);
    Refuse(l, in.peer, m.session(), proto::Reset::VERSION, refusal);
    if (l->link->dials()) l->dial.refused(now_ns);
    return;
  }
  if (l->link->dials()) {
    // The answer to ours; anything else is of a dialling that was given up.
    if (m.session() != l->dial.session() || !l->sessions.empty()) {
      ++counters.session.wrong_session;
      return;
    }
    if (hello.instance() == options.instance) {
      refusal = l->link->endpoint() + " is this relay itself";
      Log(Severity::kError, "self " + l->link->endpoint(), refusal);
      l->dial.refused(now_ns);
      return;
    }
    l->dial.answered();
    Begin(l, in, m);
    UpdateQuestions();
    return;
  }
  if (const auto old = l->sessions.find(in.peer); old != l->sessions.end()) {
    if (Find(old->second)->number() == m.session()) return;  // said twice
    End(old->second, "it begins anew");
  }
  for (auto it = sessions.begin(); it != sessions.end();) {
    const auto& [key, s] = *it++;
    if (s->link() == l->link.get() && s->peer().instance == hello.instance()) End(key, "it begins anew");
  }
  if (sessions.size() >= kMostSessions) {
    Refuse(l, in.peer, m.session(), proto::Reset::FULL,
           "no more than " + std::to_string(kMostSessions) + " sessions here");
    return;
  }
  l->link->send(in.peer, Bytes(Hello(m.session())), Frame());
  Begin(l, in, m);
  UpdateQuestions();
}

void Relay::Impl::HandleReset(LinkState* l, Session* s, const proto::Envelope& m) {
  const bool of_session = s != nullptr && m.session() == s->number();
  const bool of_dialling = l->link->dials() && s == nullptr && m.session() == l->dial.session();
  if (!of_session && !of_dialling) return;
  const std::string text = Readable(m.reset().text());
  if (of_session) {
    End(s->key(), m.reset().reason() == proto::Reset::BYE ? "it said goodbye" : "it said: " + text);
    if (m.reset().reason() == proto::Reset::MALFORMED && l->link->dials()) l->dial.refused(now_ns);
  }
  if (of_dialling) {
    if (m.reset().reason() == proto::Reset::UNKNOWN_SESSION) {
      l->dial.again();
      return;
    }
    refusal = l->link->endpoint() + " refuses: " + text;
    Log(Severity::kError, "refused " + l->link->endpoint(), refusal);
    l->dial.refused(now_ns);
  }
}

void Relay::Impl::End(uint64_t key, const std::string& why) {
  const auto it = sessions.find(key);
  if (it == sessions.end()) return;
  Session& s = *it->second;
  Log(Severity::kInfo, "end " + s.link()->endpoint() + s.peer().name,
      "peer " + s.peer().name + " on " + s.link()->endpoint() + " is gone: " + why);
  for (const auto& l : links) {
    if (l->link.get() != s.link()) continue;
    l->sessions.erase(s.id());
    if (l->link->dials()) l->dial.lost(s.rtt_ns());
  }
  ++counters.session.ended;
  for (auto q = questions.begin(); q != questions.end();) {
    // A question of this process alone is asked again when somebody comes.
    if (q->second.waiting.erase(key) != 0 &&
        (q->second.asker != 0 || q->second.answer.peers != 0 || !q->second.waiting.empty()))
      q->second.answer.complete = false;
    q = q->second.asker == key ? questions.erase(q) : std::next(q);
  }
  sessions.erase(it);
  wants_changed = true;
}

void Relay::Impl::DialOut(LinkState* l) {
  if (!l->link->dials() || !l->sessions.empty()) return;
  if (l->dial.due(now_ns)) {
    l->link->redial();
    l->dial.begin(options.random(), now_ns);
  }
  if (l->dial.hello_due() && l->link->send("", Bytes(Hello(l->dial.session())), Frame()) == Sent::kOk)
    l->dial.said();
}

std::vector<Selection> Relay::Impl::WantsFor(const Session& s) {
  std::vector<Selection> wants;
  if (!s.peer().serves) return wants;
  Unite(options.receive, 0, &wants);
  if (!options.proxy) return wants;
  for (const auto& [key, other] : sessions) {
    if (key == s.key() || Unite(other->feed().demand().selections(), 1, &wants)) continue;
    Log(Severity::kWarning, "wants " + other->peer().name,
        "peers want more patterns than one message holds; not all that " + other->peer().name +
            " wants is asked for");
  }
  return wants;
}

void Relay::Impl::UpdateWants() {
  if (!wants_changed) return;
  wants_changed = false;
  for (const auto& [key, s] : sessions) s->want(WantsFor(*s));
}

// False: more questions at once than a peer may have.
bool Relay::Impl::HandleGet(Session* s, const proto::Get& get) {
  const auto waiting = std::count_if(questions.begin(), questions.end(),
                                     [&](const auto& q) { return q.second.asker == s->key(); });
  if (static_cast<size_t>(waiting) + s->feed().requests() >= kMostRequests) return false;
  Result<Demand> demand = DemandFromWire(get.selection());
  if (!demand.ok() || !options.serves) {
    s->feed().get(get.request(), Demand(), get.list(), demand.ok());
    return true;
  }
  Question q;
  q.asker = s->key();
  q.request = get.request();
  q.demand = std::move(*demand);
  q.list = get.list();
  q.deadline_ns = now_ns + kPassOnNs;
  if (options.proxy) {
    const std::vector<Selection> further = OneHopFurther(q.demand.selections());
    for (const auto& [key, other] : sessions) {
      if (key == s->key() || !other->peer().serves || further.empty()) continue;
      other->ask(next_question, further, q.list);
      q.waiting.insert(key);
    }
  }
  questions[next_question++] = std::move(q);
  return true;
}

void Relay::Impl::HandleReply(Session* s, const proto::Reply& reply) {
  const auto it = questions.find(reply.request());
  if (it == questions.end() || it->second.waiting.erase(s->key()) == 0) return;
  Answer& a = it->second.answer;
  ++a.peers;
  a.topics += reply.topics();
  a.complete = a.complete && reply.complete();
}

// Answers what is answered; asks those that have come meanwhile.
void Relay::Impl::UpdateQuestions() {
  for (auto it = questions.begin(); it != questions.end();) {
    Question& q = it->second;
    const bool late = now_ns >= q.deadline_ns;
    if (q.asker != 0) {
      Session* s = Find(q.asker);
      if (!q.waiting.empty() && !late) {
        ++it;
        continue;
      }
      if (s != nullptr)
        s->feed().get(q.request, std::move(q.demand), q.list, q.waiting.empty() && q.answer.complete);
      it = questions.erase(it);
      continue;
    }
    if (!q.answer.done) {
      if (q.answer.peers == 0 && q.waiting.empty()) {
        for (const auto& [key, s] : sessions) {
          if (!s->peer().serves) continue;
          s->ask(it->first, q.demand.selections(), q.list);
          q.waiting.insert(key);
        }
      }
      if (late) q.answer.complete = q.answer.complete && q.waiting.empty() && q.answer.peers != 0;
      q.answer.done = late || (q.answer.peers != 0 && q.waiting.empty());
    }
    it = q.answer.done && now_ns > q.deadline_ns + kKeepAnswerNs ? questions.erase(it) : std::next(it);
  }
}

Relay::Relay(Store* store, RelayOptions options) : impl_(std::make_unique<Impl>(store, std::move(options))) {}

Relay::~Relay() {
  for (const auto& [key, s] : impl_->sessions) s->say_reset(proto::Reset::BYE, "bye");
}

void Relay::add(std::unique_ptr<Link> link) {
  auto l = std::make_unique<Impl::LinkState>();
  l->link = std::move(link);
  impl_->links.push_back(std::move(l));
}

size_t Relay::step(int64_t now_ns) {
  Impl& r = *impl_;
  r.now_ns = now_ns;
  r.questions_changed = false;
  size_t messages = 0;
  for (const auto& l : r.links) messages += r.Receive(l.get());
  for (auto it = r.sessions.begin(); it != r.sessions.end();) {
    const auto& [key, s] = *it++;
    const bool silent = s->silent(now_ns);
    if (silent) ++r.counters.session.silent;
    if (silent || s->gone()) r.End(key, silent ? "it is silent" : "its connection has ended");
  }
  for (const auto& l : r.links) r.DialOut(l.get());
  r.UpdateWants();
  r.UpdateQuestions();
  // Plain memory is looked at in any case: it gives ids of topics that are gone free only then.
  if (r.store->fd() < 0 || has_demand()) {
    std::vector<Feed*> feeds;
    for (const auto& [key, s] : r.sessions) feeds.push_back(&s->feed());
    r.outbound.collect(now_ns, feeds);
  }
  for (const auto& [key, s] : r.sessions) messages += s->send(now_ns);
  r.store->flush(now_ns);
  return messages;
}

bool Relay::idle() {
  if (impl_->questions_changed) return false;
  const bool quiet = std::none_of(impl_->links.begin(), impl_->links.end(),
                                  [](const auto& l) { return l->link->readable(); });
  return quiet;
}

int64_t Relay::next_due_ns() const {
  int64_t due = impl_->now_ns + kLongestSleepNs;
  for (const auto& [key, s] : impl_->sessions) due = std::min(due, s->due_ns());
  for (const auto& l : impl_->links) {
    if (l->link->dials() && l->sessions.empty()) due = std::min(due, l->dial.due_ns(impl_->now_ns));
  }
  return due;
}

bool Relay::has_demand() const {
  return impl_->options.serves &&
         std::any_of(impl_->sessions.begin(), impl_->sessions.end(), [](const auto& s) {
           return s.second->feed().has_demand() && s.second->credit().open();
         });
}

uint64_t Relay::get(const std::vector<Selection>& selection, bool list, int64_t now_ns, int64_t timeout_ns) {
  Impl& r = *impl_;
  Impl::Question q;
  Result<Demand> demand = Demand::compile(selection);
  if (demand.ok()) q.demand = std::move(*demand);
  q.list = list;
  q.deadline_ns = now_ns + timeout_ns;
  r.now_ns = std::max(r.now_ns, now_ns);
  r.questions[r.next_question] = std::move(q);
  r.UpdateQuestions();
  r.questions_changed = true;
  return r.next_question++;
}

Relay::Answer Relay::answer(uint64_t request) const {
  const auto it = impl_->questions.find(request);
  return it == impl_->questions.end() ? Answer{.done = true, .complete = false, .topics = 0, .peers = 0}
                                      : it->second.answer;
}

std::vector<PeerInfo> Relay::peers() const {
  std::vector<PeerInfo> out;
  for (const auto& [key, s] : impl_->sessions) {
    out.push_back({s->peer().name, s->link()->endpoint(), s->peer().serves, s->rtt_ns()});
  }
  return out;
}

const std::string& Relay::refusal() const { return impl_->refusal; }
const Counters& Relay::counters() const { return impl_->counters; }
size_t Relay::wants() const {
  size_t n = 0;
  for (const auto& [key, s] : impl_->sessions) n += s->feed().demand().selections().size();
  return n;
}
size_t Relay::requests() const {
  size_t n = 0;
  for (const auto& [key, s] : impl_->sessions) n += s->feed().requests();
  for (const auto& [number, q] : impl_->questions) n += !q.answer.done;
  return n;
}

}  // namespace smt::relay
