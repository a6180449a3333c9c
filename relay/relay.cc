#include "relay/relay.h"

#include <algorithm>

#include "relay/relay_impl.h"

namespace smt::relay {

namespace {

// Of one link in one step, so that sending gets its turn: with many topics a message may take long.
constexpr int kMostReceived = 64;
constexpr int64_t kLongestReceiveNs = 2'000'000;
// For requests of peers, in one step; the last one may take longer.
constexpr int64_t kLongestAnswerNs = 200'000;
// Sleeping longer gains nothing, and the mirror's `alive_until` is to be moved.
constexpr int64_t kLongestSleepNs = 100'000'000;

}  // namespace

size_t Relay::Impl::Receive(LinkState* l) {
  size_t received = 0;
  Incoming in;
  const int64_t end_ns = now_ns + kLongestReceiveNs;
  while (received < kMostReceived && now_ns < end_ns && l->link->receive(&in)) {
    ++received;
    if (options.now) now_ns = std::max(now_ns, options.now());
    Handle(l, in);
    // Readers wake up while the next one is asked for.
    store->flush(now_ns);
  }
  return received;
}

void Relay::Impl::Handle(LinkState* l, const Incoming& in) {
  if (!in.cut.empty()) return HandleCut(l, in);
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
    if (s != nullptr) {
      s->say_reset(proto::Reset::MALFORMED, "a message could not be read");
      End(s->key(), "a message of it could not be read");
    }
    // With a key it comes as it was sent; a value that was damaged before that is bad luck.
    if (opened == proto::Opened::kMalformed) Strike(l, in.peer, std::string(in.key));
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
  if (!Hear(s, in)) BreaksProtocol(s);
}

// False: no peer of this version says so.
bool Relay::Impl::Hear(Session* s, const Incoming& in) {
  if (!s->hear_number(message)) return false;
  if (message.has_get() || message.has_want()) return s->put_off(&message);
  if (message.has_reply()) {
    questions.answered(s, message.reply());
    return true;
  }
  if (message.has_trace()) return traces.from_peer(s, message.trace(), now_ns);
  if (message.has_traced()) return traces.answered(s, message.traced());
  if (message.has_set()) return sets.from_peer(s, message.set(), in.payload, now_ns);
  if (message.has_set_reply()) return sets.answered(s, message.set_reply());
  return s->hear(message, in.payload, now_ns);
}

int64_t Relay::Impl::Clock() const { return options.now ? options.now() : now_ns; }

// Who has nobody to keep waiting may take what time it likes.
bool Relay::Impl::MayAsk(const Session& s) {
  return allowances[s.peer().name].open(now_ns) ||
         std::all_of(sessions.begin(), sessions.end(),
                     [&](const auto& other) { return other.second->peer().name == s.peer().name; });
}

// What this session asks for is done at its peer's expense. REQUIRES: MayAsk().
void Relay::Impl::Charge(const Session& s, int64_t begun_ns) {
  allowances[s.peer().name].charge(Clock() - begun_ns, begun_ns);
}

// One request of each session after another, for a while.
void Relay::Impl::AnswerRequests() {
  const int64_t begun_ns = Clock();
  for (bool any = true; any;) {
    any = false;
    // Each time from the one on whose turn it is.
    const auto first = sessions.upper_bound(last_asker);
    const auto next = [&](auto from, auto to) {
      return std::find_if(from, to,
                          [&](const auto& s) { return s.second->has_request() && MayAsk(*s.second); });
    };
    auto it = next(first, sessions.end());
    if (it == sessions.end() && (it = next(sessions.begin(), first)) == first) return;
    any = Clock() - begun_ns < kLongestAnswerNs;
    asked = true;
    last_asker = it->first;
    Session* s = it->second.get();
    const int64_t at_ns = Clock();
    const proto::Envelope request = s->take_request();
    const bool fine = request.has_get() ? questions.from_peer(s, request.get(), serves() && !s->stands_by(),
                                                              options.proxy, now_ns)
                                        : s->hear(request, {}, now_ns);
    Charge(*s, at_ns);
    if (request.has_want()) wants_changed = true;
    if (!fine) BreaksProtocol(s);
  }
}

std::vector<Selection> Relay::Impl::WantsFor(const Session& s) {
  std::vector<Selection> wants;
  if (!s.serves()) return wants;
  if (!options.proxy) {
    Unite(inbound.wishes(s.peer().name), 0, &wants);
    return wants;
  }
  Unite(options.cache, 0, &wants);
  for (const auto& [key, other] : sessions) {
    if (key == s.key() || Unite(other->feed().demand().selections(), 1, &wants)) continue;
    Log(Severity::kWarning, "wants " + other->peer().name,
        "peers want more patterns than one message holds; not all that " + other->peer().name +
            " wants is asked for");
  }
  return wants;
}

Viewpoint Relay::Impl::View() {
  Viewpoint at{options.name, options.instance, options.proxy, &access, &counters.session.denied,
               &outbound,    &inbound,         &sessions,     {}};
  for (const auto& l : links) {
    if (l->link->dials() && l->sessions.empty()) at.lost.push_back({l->link->endpoint(), l->alone_ns});
  }
  return at;
}

void Relay::Impl::UpdateWants() {
  if (!wants_changed) return;
  wants_changed = false;
  for (const auto& [key, s] : sessions) s->want(WantsFor(*s));
}

Relay::Relay(Store* store, RelayOptions options) : impl_(std::make_unique<Impl>(store, std::move(options))) {}

Relay::~Relay() {
  for (const auto& [key, s] : impl_->sessions) s->say_reset(proto::Reset::BYE, "bye");
}

Status Relay::configure(std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                        std::vector<Selection> cache, std::vector<WriteRule> write,
                        const AccessRules& access) {
  Impl& r = *impl_;
  // All or none.
  if (Result<RuleSet> set = RuleSet::parse(send); !set.ok()) return set.status();
  if (Result<RuleSet> set = RuleSet::parse(receive); !set.ok()) return set.status();
  if (Result<RuleSet> set = RuleSet::parse(write); !set.ok()) return set.status();
  std::vector<Selection> wishes = cache;
  for (const ReceiveRule& rule : receive) wishes.push_back({rule.topic, rule.exclude, 0, rule.pacing, 0});
  if (Result<Demand> demand = Demand::compile(std::move(wishes)); !demand.ok()) return demand.status();
  if (Status s = Access().compile(access); !s.ok()) return s;
  if (Status s = r.inbound.configure(receive); !s.ok()) return s;
  (void)r.access.compile(access);
  (void)r.outbound.configure(send);
  if (r.writes) (void)r.writes->configure(std::move(write));
  r.options.send = std::move(send);
  r.options.receive = std::move(receive);
  r.options.cache = std::move(cache);
  for (auto it = r.sessions.begin(); it != r.sessions.end();) {
    const auto& [key, s] = *it++;
    if (s->reconsider()) continue;
    s->say_reset(proto::Reset::BYE, "other rules");
    r.End(key, "more topics are taken otherwise than one message can tell");
  }
  r.wants_changed = true;
  return Status();
}

size_t Relay::step(int64_t now_ns) {
  Impl& r = *impl_;
  r.now_ns = now_ns;
  r.asked = false;
  size_t messages = 0;
  for (const auto& l : r.links) messages += r.Receive(l.get());
  now_ns = r.now_ns;
  for (auto it = r.sessions.begin(); it != r.sessions.end();) {
    const auto& [key, s] = *it++;
    const bool silent = s->silent(now_ns);
    if (silent) {
      ++r.counters.session.silent;
      s->intake().settle(now_ns);
    }
    if (silent || s->gone()) r.End(key, silent ? "it is silent" : "its connection has ended");
  }
  r.ChooseAddresses();
  for (const auto& l : r.links) r.DialOut(l.get());
  r.AnswerRequests();
  r.UpdateWants();
  r.questions.update(now_ns);
  // Plain memory is looked at in any case: it gives ids of topics that are gone free only then. Any other
  // once at the beginning: when a session waits for it, the look at very many topics would pass for silence.
  if (r.store->fd() < 0 || (r.serves() && !r.looked) || has_demand() || r.look_due(now_ns)) {
    r.looked = true;
    r.collect(now_ns);
  }
  if (r.traces.any()) r.traces.update(r.View(), now_ns);
  if (r.sets.any()) r.sets.update(r.View(), now_ns);
  if (r.writes) r.writes->update(now_ns);
  for (const auto& [key, s] : r.sessions) {
    // One of each in a step: each is a look at all topics.
    if (s->feed().begins() && r.MayAsk(*s)) {
      const int64_t begun_ns = r.Clock();
      s->feed().begin_next();
      r.Charge(*s, begun_ns);
      r.asked = r.asked || s->feed().begins();
    }
    messages += s->send(now_ns);
  }
  r.store->flush(now_ns);
  return messages;
}

bool Relay::idle() {
  if (impl_->asked || impl_->look_due(impl_->now_ns)) return false;
  return std::none_of(impl_->links.begin(), impl_->links.end(),
                      [](const auto& l) { return l->link->readable(); });
}

int64_t Relay::next_due_ns() const {
  int64_t due = std::min({impl_->now_ns + kLongestSleepNs, impl_->store->due_ns(), impl_->traces.due_ns(),
                          impl_->sets.due_ns()});
  if (impl_->writes) due = std::min(due, impl_->writes->due_ns());
  for (const auto& [key, s] : impl_->sessions) {
    due = std::min(due, s->due_ns());
    if (s->has_request() || s->feed().begins())
      due = std::min(due, impl_->allowances[s->peer().name].open_ns());
  }
  for (const auto& l : impl_->links) {
    due = std::min(due, l->link->due_ns());
    if (l->others != nullptr) due = std::min(due, l->others->due_ns(impl_->now_ns));
    if (l->others != nullptr && !l->others->dials(l->rank, impl_->now_ns)) continue;
    if (l->link->dials() && l->sessions.empty()) due = std::min(due, l->dial.due_ns(impl_->now_ns));
  }
  return due;
}

bool Relay::has_demand() const {
  return impl_->serves() &&
         std::any_of(impl_->sessions.begin(), impl_->sessions.end(), [this](const auto& s) {
           return s.second->feed().has_demand() && s.second->credit().open(impl_->now_ns);
         });
}

uint64_t Relay::get(const std::vector<Selection>& selection, bool list, int64_t now_ns, int64_t timeout_ns) {
  Impl& r = *impl_;
  Result<Demand> demand = Demand::compile(selection);
  const uint64_t number =
      r.questions.ask(demand.ok() ? std::move(*demand) : Demand(), list, now_ns, timeout_ns);
  r.now_ns = std::max(r.now_ns, now_ns);
  r.questions.update(now_ns);
  r.asked = true;
  return number;
}

uint64_t Relay::trace(const std::string& topic, int64_t now_ns, int64_t timeout_ns) {
  const uint64_t request = impl_->options.random();
  impl_->traces.ask(request, topic, now_ns, timeout_ns);
  return request;
}

uint64_t Relay::set(const SetWish& wish, int64_t now_ns, int64_t timeout_ns) {
  proto::Set m;
  m.set_request(impl_->options.random());
  m.set_kind(wish.kind);
  m.set_topic(wish.topic);
  m.set_target(wish.target);
  m.set_schema_hash(wish.schema_hash);
  m.set_holder(impl_->options.instance);
  m.set_holder_name(wish.holder_name);
  m.set_stamp_ns(wish.stamp_ns);
  impl_->sets.ask(m, wish.value, now_ns, timeout_ns);
  return m.request();
}

Relay::SetResult Relay::set_result(uint64_t request) const { return impl_->sets.result(request); }

void Relay::end_writes(int64_t now_ns) {
  Impl& r = *impl_;
  if (!r.writes) return;
  r.collect(now_ns);
  r.writes->end(now_ns);
  r.store->flush(now_ns);
}

Relay::Trail Relay::trail(uint64_t request) const { return impl_->traces.trail(request); }

Relay::Answer Relay::answer(uint64_t request) const { return impl_->questions.answer(request); }

std::vector<PeerInfo> Relay::peers() const {
  std::vector<PeerInfo> out;
  for (const auto& [key, s] : impl_->sessions) {
    out.push_back({s->peer().name, s->link()->endpoint(), s->peer().serves, s->rtt_ns()});
  }
  return out;
}

const Status& Relay::refusal() const { return impl_->refusal; }
Counters Relay::counters() const {
  Counters now = impl_->counters;
  now.session.requests = impl_->questions.open();
  for (const auto& [key, s] : impl_->sessions) {
    now.session.wants += s->feed().demand().selections().size();
    now.session.requests += s->feed().requests();
    now.outbound.in_flight_bytes += s->credit().in_flight_bytes();
    now.outbound.window_bytes += s->credit().window_bytes();
    s->count_most(&now.outbound);
  }
  return now;
}

}  // namespace smt::relay
