#include "relay/engine.h"

#include <algorithm>
#include <utility>

#include "shm/clock.h"

namespace smt::relay {

namespace {

// Of one link in one step, so that sending gets its turn: with many topics a message may take long.
constexpr int kMaxReceived = 64;
constexpr int64_t kMaxReceiveNs = 2'000'000;
// For requests of peers, in one step; the last one may take longer.
constexpr int64_t kMaxAnswerNs = 200'000;
// Sleeping longer gains nothing, and the mirror's `alive_until` is to be moved.
constexpr int64_t kMaxSleepNs = 100'000'000;

}  // namespace

Engine::Engine(Store* store, RelayOptions options)
    : store_(store),
      options_(std::move(options)),
      access_([this](const std::string& key, const std::string& text) {
        options_.report(Severity::kWarning, key, text);
      }),
      outbound_(store, &access_, &counters_.outbound),
      inbound_(store, options_.origin_id, &counters_.inbound),
      sessions_(&options_, &links_, &outbound_, &inbound_, &counters_,
                {[this](Session* s) { on_begun(s); }, [this](uint64_t key) { on_ended(key); }}),
      policy_(&options_, &links_, &sessions_, &counters_),
      handshake_(&options_, &sessions_, &policy_.penalty_box(), &counters_),
      turns_(&sessions_.all()),
      wants_(&options_, &inbound_, &sessions_.all()),
      get_requests_(&sessions_.all()),
      trace_requests_(&sessions_.all()),
      set_requests_(&sessions_.all(), nullptr) {
  (void)access_.compile(options_.access);
  (void)outbound_.configure(options_.send);
  (void)inbound_.configure(options_.receive);
  if (options_.write.empty()) return;
  writes_.emplace(store, &access_, options_.write_node, options_.origin_id, options_.audit, &counters_.write);
  (void)writes_->configure(options_.write);
  set_requests_ = SetRequests(&sessions_.all(), &*writes_);
}

Engine::~Engine() {
  for (const auto& [key, s] : sessions_.all()) s->send_reset(proto::Reset::BYE, "bye");
}

// --- receiving ---

size_t Engine::receive(LinkState* l) {
  size_t received = 0;
  Incoming in;
  const int64_t end_ns = now_ns_ + kMaxReceiveNs;
  while (received < kMaxReceived && now_ns_ < end_ns && l->link->receive(&in)) {
    ++received;
    if (options_.now) now_ns_ = std::max(now_ns_, options_.now());
    handle(l, in);
    // Readers wake up while the next one is asked for.
    store_->flush(now_ns_);
  }
  if (l->dials() && received < kMaxReceived) look_at_connection(l);
  return received;
}

// What its peer said last is read.
void Engine::look_at_connection(LinkState* l) {
  if (!l->sessions.empty()) {
    if (l->link->has_ended()) find(l->sessions.begin()->second)->on_gone();
  } else if (l->others != nullptr && l->link->is_refused()) {
    l->others->refused(l->rank);
  }
}

void Engine::handle(LinkState* l, const Incoming& in) {
  if (!in.cut.empty()) return policy_.on_cut(l, in, now_ns_);
  const proto::Opened opened = in.malformed
                                   ? proto::Opened::kMalformed
                                   : proto::open_message(in.header, in.payload, &message_, &columns_);
  Session* s = sessions_.find(*l, in.peer);
  if (opened != proto::Opened::kOk) return on_unreadable(l, in, s, opened == proto::Opened::kCorrupt);
  if (message_.has_hello()) return handshake_.on_hello(l, in, message_, now_ns_);
  if (message_.has_reset()) return handshake_.on_reset(l, s, message_, now_ns_);
  if (s == nullptr || message_.session() != s->number()) {
    ++counters_.session.wrong_session;
    // On a dialled link what is still on its way of a session that has ended; it needs no answer.
    if (!l->dials()) {
      handshake_.refuse(l, in.peer, message_.session(), proto::Reset::UNKNOWN_SESSION,
                        "no such session; say Hello");
    }
    return;
  }
  s->on_alive(now_ns_);
  if (!handle_session_message(s, in)) {
    policy_.on_violation(s, now_ns_);
  } else if (message_.has_announce() || s->has_request()) {
    if (!sessions_.account(*s)) policy_.on_full(s, now_ns_);
  }
}

void Engine::on_unreadable(LinkState* l, const Incoming& in, Session* s, bool corrupt) {
  ++(corrupt ? counters_.session.corrupt : counters_.session.malformed);
  options_.report(Severity::kWarning, "malformed " + l->link->endpoint(),
                  std::string(corrupt ? "a damaged" : "a malformed") + " message on " + l->link->endpoint() +
                      (s != nullptr ? " from " + s->peer().name + "; the session is begun anew" : "") +
                      "; dropped");
  if (s != nullptr) {
    s->send_reset(proto::Reset::MALFORMED, "a message could not be read");
    sessions_.end(s->key(), "a message of it could not be read", now_ns_);
  }
  // With a key it comes as it was sent; a value that was damaged before that is bad luck.
  if (!corrupt) policy_.on_malformed(l, in.peer, std::string(in.key), now_ns_);
}

// False: no peer of this version says so.
bool Engine::handle_session_message(Session* s, const Incoming& in) {
  if (!s->check_sequence(message_)) return false;
  if (message_.has_get() || message_.has_want()) {
    turns_.add(*s);
    return s->defer(&message_);
  }
  if (message_.has_reply()) {
    get_requests_.on_reply(s, message_.reply());
    return true;
  }
  if (message_.has_trace()) return trace_requests_.from_peer(s, message_.trace(), now_ns_);
  if (message_.has_traced()) return trace_requests_.on_reply(s, message_.traced());
  if (message_.has_set()) return set_requests_.from_peer(s, message_.set(), in.payload, now_ns_);
  if (message_.has_set_reply()) return set_requests_.on_reply(s, message_.set_reply());
  if (message_.has_batch()) return s->on_batch(message_.batch(), columns_, in.payload, now_ns_);
  return s->on_message(message_, in.payload, now_ns_);
}

// One request of each session after another, for a while.
void Engine::answer_requests() {
  const int64_t begun_ns = clock();
  for (bool more = true; more;) {
    Session* s = turns_.next(now_ns_);
    if (s == nullptr) return;
    more = clock() - begun_ns < kMaxAnswerNs;
    asked_ = true;
    const int64_t at_ns = clock();
    const proto::Envelope request = s->take_request();
    const bool fine = request.has_get()
                          ? get_requests_.from_peer(s, request.get(), options_.serves() && !s->is_standby(),
                                                    options_.proxy, now_ns_)
                          : s->on_message(request, {}, now_ns_);
    turns_.charge(*s, at_ns, clock());
    if (request.has_want()) wants_.on_want(*s);
    s->wake();
    if (!fine) policy_.on_violation(s, now_ns_);
  }
}

// --- what follows from it ---

void Engine::on_begun(Session* s) {
  s->want(wants_.of(*s));
  get_requests_.update(now_ns_);
}

void Engine::end_requests(uint64_t key) {
  get_requests_.on_session_ended(key);
  trace_requests_.on_session_ended(key);
  set_requests_.on_session_ended(key);
}

void Engine::on_ended(uint64_t key) {
  end_requests(key);
  wants_.on_session_ended(key);
  followers_.erase(key);
  turns_.forget_paid(now_ns_);
}

void Engine::end_silent() {
  Schedule& schedule = sessions_.schedule();
  schedule.wake_due(now_ns_, [this](uint64_t key) { return find(key); });
  for (size_t i = 0; i < schedule.awake().size(); ++i) {  // one that ends may wake others
    Session* s = find(schedule.awake()[i]);
    if (s == nullptr) continue;
    const bool silent = s->silent(now_ns_);
    if (s->is_gone()) end_requests(s->key());  // whether it is kept or not
    if (!silent && !s->has_ended()) continue;
    if (silent) s->receiver().settle(now_ns_);
    if (!s->is_gone()) ++counters_.session.silent;
    sessions_.end(s->key(), s->is_gone() ? "its connection has ended" : "it is silent", now_ns_);
  }
}

void Engine::collect(int64_t now_ns) {
  const Changes& changes = outbound_.collect(now_ns);
  for (const uint64_t key : sessions_.schedule().awake()) {
    Session* s = find(key);
    if (s != nullptr && s->sender().follows()) followers_.try_emplace(key, s);
  }
  for (const auto& [key, s] : followers_) s->on_changes(changes, now_ns);
}

size_t Engine::send(Session* s) {
  // One request of each in a step: each is a look at all topics.
  if (s->sender().has_new_request() && turns_.may_ask(*s, now_ns_)) {
    const int64_t begun_ns = clock();
    s->sender().begin_new_request();
    turns_.charge(*s, begun_ns, clock());
    asked_ = asked_ || s->sender().has_new_request();
  }
  const size_t messages = s->send(now_ns_);
  if (s->has_more()) s->wake();
  s->wake_at(due_ns(*s));
  if (!s->sender().follows()) followers_.erase(s->key());
  return messages;
}

// Of the sessions that are awake, one after the other.
size_t Engine::send() {
  Schedule& schedule = sessions_.schedule();
  schedule.take_awake(&in_turn_);
  size_t messages = 0;
  for (const uint64_t key : in_turn_) {
    Session* s = find(key);
    if (s == nullptr) continue;
    s->turn().is_awake = false;
    messages += send(s);
  }
  first_due_ns_ = schedule.first_due_ns([this](uint64_t key) { return find(key); });
  return messages;
}

// When send() is due of a session if nothing happens.
int64_t Engine::due_ns(const Session& s) const {
  const int64_t due_ns = s.due_ns();
  const bool asks = s.has_request() || s.sender().has_new_request();
  return asks ? std::min(due_ns, turns_.open_ns(s)) : due_ns;
}

Viewpoint Engine::view() {
  return {options_.name, options_.instance, options_.proxy,   &access_,     &counters_.session.denied,
          &outbound_,    &inbound_,         &sessions_.all(), links_.lost()};
}

// From step to step, so that what the caller does in between counts too.
void Engine::time_step() {
  if (!options_.cpu_time) return;
  const int64_t cpu_ns = options_.cpu_time();
  if (stepped_cpu_ns_ != 0 && cpu_ns > stepped_cpu_ns_) {
    counters_.session.max_step_ns =
        std::max(counters_.session.max_step_ns, static_cast<uint64_t>(cpu_ns - stepped_cpu_ns_));
  }
  stepped_cpu_ns_ = cpu_ns;
}

size_t Engine::step(int64_t now_ns) {
  now_ns_ = now_ns;
  time_step();
  asked_ = false;
  size_t messages = 0;
  for (const auto& l : links_.all()) messages += receive(l.get());
  end_silent();
  sessions_.choose_addresses(now_ns_);
  for (const auto& l : links_.all()) handshake_.dial(l.get(), now_ns_);
  if (!turns_.is_empty()) answer_requests();
  if (sessions_.take_changed()) {
    for (const auto& [key, s] : sessions_.all()) wants_.on_want(*s);
  }
  wants_.update();
  if (get_requests_.any()) get_requests_.update(now_ns_);
  // Plain memory is looked at in any case: it gives ids of topics that are gone free only then. Any other
  // once at the beginning: when a session waits for it, the look at very many topics would pass for silence.
  if (store_->fd() < 0 || (options_.serves() && !looked_) || has_demand() || look_due(now_ns_)) {
    looked_ = true;
    collect(now_ns_);
    if (writes_) writes_->update(now_ns_);
  }
  if (trace_requests_.any()) trace_requests_.update(view(), now_ns_);
  if (set_requests_.any()) set_requests_.update(view(), now_ns_);
  messages += send();
  const bool advances = store_->advance(), gives_back = Frame::give_back();
  works_ = advances || gives_back;
  store_->flush(now_ns_);
  return messages;
}

int64_t Engine::next_due_ns() const {
  if (works_) return now_ns_;
  int64_t due = std::min({next_tick_ns(now_ns_, kMaxSleepNs), store_->due_ns(), trace_requests_.due_ns(),
                          set_requests_.due_ns(), links_.due_ns(now_ns_)});
  if (writes_) due = std::min(due, writes_->due_ns());
  due = std::min(due, first_due_ns_);
  for (const uint64_t key : sessions_.schedule().awake()) {
    if (const Session* s = find(key)) due = std::min(due, due_ns(*s));
  }
  return due;
}

bool Engine::has_demand() const {
  if (!options_.serves()) return false;
  const auto has = [this](const Session* s) {
    return s != nullptr && s->sender().has_demand() && s->congestion_window().open(now_ns_);
  };
  const std::vector<uint64_t>& awake = sessions_.schedule().awake();
  return std::any_of(followers_.begin(), followers_.end(), [&](const auto& f) { return has(f.second); }) ||
         std::any_of(awake.begin(), awake.end(), [&](uint64_t key) { return has(find(key)); });
}

// --- what the process says ---

uint64_t Engine::add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options,
                     AddressOrder order) {
  if (order == AddressOrder::kRandom) shuffle(&links, options_.random);
  return links_.add(std::move(links), options);
}

void Engine::remove(uint64_t number) {
  for (const auto& l : links_.all()) {
    while (l->number == number && !l->sessions.empty()) {
      Session* s = sessions_.find(l->sessions.begin()->second);
      sessions_.end(s, proto::Reset::BYE, "bye", "its link is given up", now_ns_);
    }
  }
  links_.remove(number);
}

void Engine::set_options(uint64_t number, const LinkOptions& options) {
  for (const auto& l : links_.all()) {
    if (l->number != number) continue;
    l->options = options;
    for (const auto& [id, key] : l->sessions) sessions_.find(key)->set_options(options);
  }
  asked_ = true;
}

Status Engine::configure(std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                         std::vector<Subscription> cache, std::vector<WriteRule> write,
                         const AccessRules& access) {
  // All or none.
  if (Result<RuleSet> set = RuleSet::parse(send); !set.ok()) return set.status();
  if (Result<RuleSet> set = RuleSet::parse(receive); !set.ok()) return set.status();
  if (Result<RuleSet> set = RuleSet::parse(write); !set.ok()) return set.status();
  std::vector<Subscription> wanted = cache;
  for (const ReceiveRule& rule : receive) wanted.push_back({rule.topic, rule.exclude, 0, rule.pacing, 0});
  if (Result<SubscriptionSet> subscriptions = SubscriptionSet::compile(std::move(wanted));
      !subscriptions.ok())
    return subscriptions.status();
  if (Status s = Access().compile(access); !s.ok()) return s;
  if (Status s = inbound_.configure(receive); !s.ok()) return s;
  (void)access_.compile(access);
  (void)outbound_.configure(send);
  if (writes_) (void)writes_->configure(std::move(write));
  options_.send = std::move(send);
  options_.receive = std::move(receive);
  options_.cache = std::move(cache);
  sessions_.for_each([this](Session* s) {
    if (s->reconsider()) return;
    sessions_.end(s, proto::Reset::BYE, "other rules",
                  "more topics are taken otherwise than one message can tell", now_ns_);
  });
  wants_.change();
  return Status();
}

void Engine::hang_up(const std::string& why) {
  sessions_.for_each([&](Session* s) {
    if (!s->link()->dials()) sessions_.end(s, proto::Reset::BYE, why, why, now_ns_);
  });
}

void Engine::change_keys(std::shared_ptr<const Keyring> keys) {
  options_.keys = std::move(keys);
  sessions_.for_each([this](Session* s) {
    if (s->peer().key.empty()) return;
    const std::string* const name = options_.keys->name_of(s->peer().key);
    if (name != nullptr && *name == s->peer().name) return;
    s->send_reset(proto::Reset::BYE, "this key is not known here any more");
    if (!s->link()->dials()) s->link()->drop(s->id());
    sessions_.end(s->key(), "its key is not known any more", now_ns_);
  });
}

uint64_t Engine::get(const std::vector<Subscription>& subscriptions, bool list, int64_t now_ns,
                     int64_t timeout_ns) {
  Result<SubscriptionSet> compiled = SubscriptionSet::compile(subscriptions);
  const uint64_t number =
      get_requests_.ask(compiled.ok() ? std::move(*compiled) : SubscriptionSet(), list, now_ns, timeout_ns);
  now_ns_ = std::max(now_ns_, now_ns);
  get_requests_.update(now_ns);
  asked_ = true;
  return number;
}

uint64_t Engine::trace(const std::string& topic, int64_t now_ns, int64_t timeout_ns) {
  const uint64_t request = options_.random();
  trace_requests_.ask(request, topic, now_ns, timeout_ns);
  return request;
}

uint64_t Engine::set(const SetRequest& request, int64_t now_ns, int64_t timeout_ns) {
  proto::Set m;
  m.set_request(options_.random());
  m.set_kind(request.kind);
  m.set_topic(request.topic);
  m.set_target(request.target);
  m.set_schema_hash(request.schema_hash);
  m.set_holder(options_.instance);
  m.set_holder_name(request.holder_name);
  m.set_stamp_ns(request.stamp_ns);
  set_requests_.ask(m, request.value, now_ns, timeout_ns);
  return m.request();
}

void Engine::end_writes(int64_t now_ns) {
  if (!writes_) return;
  collect(now_ns);
  writes_->end(now_ns);
  store_->flush(now_ns);
}

// --- what the process asks

DialedEndpoint::Stands Engine::stands(const LinkState& l) const {
  using Stands = DialedEndpoint::Stands;
  if (l.sessions.empty())
    return l.others != nullptr && l.others->active() ? Stands::kElsewhere : Stands::kSilent;
  Session& s = *sessions_.find(l.sessions.begin()->second);
  const bool gives = options_.serves() || !options_.write.empty();
  const bool is_wanted = s.peer().takes || !s.sender().subscriptions().empty();
  if (s.is_standby() || (gives && is_wanted) || (options_.takes() && s.peer().serves)) return Stands::kFine;
  return options_.takes() ? Stands::kSendsNothing : gives ? Stands::kWantsNothing : Stands::kFine;
}

std::vector<DialedEndpoint> Engine::dialed() const {
  std::vector<DialedEndpoint> out;
  for (const auto& l : links_.all()) {
    if (!l->dials() || l->since_ns == 0) continue;
    DialedEndpoint& e = out.emplace_back();
    e.endpoint = l->link->endpoint();
    e.stands = stands(*l);
    e.since_ns = l->since_ns;
    e.refusal = l->refusal;
    e.refused_ns = l->refused_ns;
    if (!l->sessions.empty()) e.peer = sessions_.find(l->sessions.begin()->second)->peer().name;
  }
  return out;
}

bool Engine::offers(const Pattern& pattern, int64_t now_ns) {
  collect(now_ns);
  const TopicSource& source = *store_;
  for (uint32_t id = 0; id < source.topic_limit(); ++id) {
    if (const TopicDescription* topic = source.topic(id); topic != nullptr && pattern.matches(topic->name))
      return true;
  }
  return false;
}

bool Engine::receives(const Pattern& pattern) const {
  const Sessions& all = sessions_.all();
  return std::any_of(all.begin(), all.end(), [&](const auto& s) {
    return s.second->receiver().any_topic([&](const std::string& name) { return pattern.matches(name); });
  });
}

Counters Engine::counters() const {
  Counters now = counters_;
  now.session.requests = get_requests_.open();
  for (const auto& [key, s] : sessions_.all()) {
    now.session.wants += s->sender().subscriptions().items().size();
    now.session.requests += s->sender().requests();
    now.inbound.held += s->receiver().held();
    now.outbound.in_flight_bytes += s->congestion_window().in_flight_bytes();
    now.outbound.window_bytes += s->congestion_window().window_bytes();
    s->record_peaks(&now.outbound);
  }
  return now;
}

}  // namespace smt::relay
