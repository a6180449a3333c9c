#include "relay/writes/writes.h"

#include <algorithm>
#include <utility>

#include "relay/message/durations.h"
#include "relay/writes/limits.h"

namespace smt::relay {

namespace {

// Topics that peers may make here are memory of this host.
constexpr size_t kMaxTopics = 1024;
// Values that wait for the audit: of one peer as many as a relay of this version passes on to another.
constexpr size_t kMaxWaitingOfPeer = 48, kMaxWaiting = 128;

std::string holder_words(const std::string& holder, const std::string& peer) {
  return holder + " (by " + peer + ")";
}

}  // namespace

Writes::Writes(Store* store, const Access* access, std::string node, const Id128& origin_id, Audit* audit,
               WriteCounters* counters)
    : store_(store),
      access_(access),
      node_(std::move(node)),
      origin_id_(origin_id),
      audit_(audit),
      counters_(counters) {}

Status Writes::configure(std::vector<WriteRule> rules) {
  Result<RuleSet> set = RuleSet::parse(rules);
  if (!set.ok()) return set.status();
  rules_ = std::move(rules);
  rule_set_ = std::move(*set);
  for (auto& [topic, t] : topics_)
    t.withdrawn =
        !rule_set_.decide(topic, t.lease.peer) || !access_->allows(t.lease.peer, topic, Right::kWrite);
  return Status();
}

std::optional<uint32_t> Writes::find_topic(const std::string& topic) {
  const auto is = [&](uint32_t id) {
    const TopicDescription* d = store_->topic(id);
    return d != nullptr && d->name == topic;
  };
  const auto known = ids_.find(topic);
  if (known != ids_.end() && is(known->second)) return known->second;
  if (known != ids_.end()) ids_.erase(known);
  for (uint32_t id = 0; id < store_->topic_limit(); ++id) {
    if (!is(id)) continue;
    if (topics_.count(topic) != 0) ids_[topic] = id;
    return id;
  }
  return std::nullopt;
}

std::string Writes::other_writer(const std::string& topic) {
  const std::optional<uint32_t> id = find_topic(topic);
  if (!id) return "";
  for (const WriterInfo& w : store_->writers(*id)) {
    if (!w.live || w.node == node_) continue;
    return "node " + w.node + " (pid " + std::to_string(w.pid) + " on " + w.host + ")";
  }
  return "";
}

// Of which layout its values are to be.
Writes::Subject Writes::look(const std::string& topic, const WriteRule& rule) {
  if (const std::string other = other_writer(topic); !other.empty())
    return {proto::SET_OWNED, "topic " + topic + " is written by " + other, {}};
  const std::optional<uint32_t> id = find_topic(topic);
  const std::vector<WriterInfo> writers = id ? store_->writers(*id) : std::vector<WriterInfo>();
  // What only this relay has written before may be of another type now.
  const bool ours = !writers.empty() && std::all_of(writers.begin(), writers.end(),
                                                    [&](const WriterInfo& w) { return w.node == node_; });
  if (id && !(ours && !rule.type.empty())) {
    const std::shared_ptr<const std::string> text = store_->topic(*id)->schema;
    Result<Schema> schema = text == nullptr ? Schema::bytes() : Schema::from_text(*text);
    if (!schema.ok()) return {proto::SET_MISMATCH, schema.status().message(), {}};
    return {proto::SET_DONE, "", std::move(*schema)};
  }
  if (rule.type.empty()) {
    return {proto::SET_NO_TOPIC,
            "topic " + topic + " is not there, and the rule that names it does not say of which type it is",
            {}};
  }
  Result<Schema> schema = Schema::parse(rule.type);
  if (!schema.ok()) return {proto::SET_MISMATCH, schema.status().message(), {}};
  return {proto::SET_DONE, "", std::move(*schema)};
}

// Whether this value may be written now.
Writes::Subject Writes::judge(const WriteRequest& r, const WriteRule& rule, const Topic& t, Subject s,
                              int64_t now_ns) const {
  const auto no = [&](proto::SetOutcome outcome, std::string why) {
    s.outcome = outcome;
    s.why = "topic " + r.topic + ": " + std::move(why);
    return s;
  };
  if (r.schema_hash != s.schema.hash())
    return no(proto::SET_MISMATCH, "the value is of another type than " + s.schema.type_name);
  if (s.schema.size != 0 && r.value.size() != s.schema.size) {
    return no(proto::SET_MISMATCH, "the value has " + std::to_string(r.value.size()) + " bytes, and type " +
                                       s.schema.type_name + " has " + std::to_string(s.schema.size));
  }
  if (rule.dead_man_ns != 0 && rule.on_expiry == OnStale::kBytes && s.schema.size != 0 &&
      rule.fail_safe.size() != s.schema.size) {
    return no(proto::SET_MISMATCH, "the rule's fail-safe value has " + std::to_string(rule.fail_safe.size()) +
                                       " bytes, and type " + s.schema.type_name + " has " +
                                       std::to_string(s.schema.size));
  }
  if (t.lease.holder != 0 && t.lease.holder != r.holder) {
    return no(proto::SET_HELD, "held by " + holder_words(t.lease.holder_name, t.lease.peer) +
                                   " for another " + time_words(t.lease.until_ns - now_ns));
  }
  if (std::string why = outside_limits(s.schema, r.value, rule.min, rule.max); !why.empty())
    return no(proto::SET_LIMIT, std::move(why));
  // A value may come a period early, as no writer is on time.
  if (rule.period_ns != 0 && now_ns < t.paced_ns - rule.period_ns)
    return no(proto::SET_RATE, "the rule allows one value in " + time_words(rule.period_ns));
  return s;
}

Status Writes::open_topic(const std::string& topic, const WriteRule& rule, const Schema& schema,
                          uint64_t bytes, Topic* t) {
  TopicDescription d;
  d.name = topic;
  d.schema = std::make_shared<const std::string>(schema.text());
  d.schema_hash = schema.hash();
  d.value_bytes = schema.size;
  d.max_bytes = schema.size != 0 ? schema.size : std::max({bytes, t->description.max_bytes, uint64_t{64}});
  d.history = 4;
  d.generation = 1;
  d.origin = TopicOrigin{origin_id_, {}, "", "", node_};
  // If this relay dies, readers see by themselves that nobody keeps watch.
  d.max_age_ns = rule.dead_man_ns;
  const TopicDescription& was = t->description;
  if (t->handle != kNone && d.schema_hash == was.schema_hash && d.max_bytes == was.max_bytes &&
      d.max_age_ns == was.max_age_ns) {
    return Status();
  }
  Result<uint32_t> handle = store_->open(d, 0);
  if (!handle.ok()) {
    t->handle = kNone;
    return handle.status();
  }
  t->handle = *handle;
  t->description = std::move(d);
  t->schema = schema;
  t->sequence = std::max(t->sequence, store_->held(t->handle).sequence);
  return Status();
}

WriteEvent Writes::event_of(const Waiting& w, WriteAct act) {
  const WriteRequest& r = w.request;
  WriteEvent event{act, r.topic, r.holder_name, r.peer, r.endpoint, w.rule.origin, ""};
  if (act == WriteAct::kLease) {
    event.text = "for " + time_words(w.rule.lease());
  } else {
    event.schema = &w.schema;
    event.value = w.value;
  }
  return event;
}

void Writes::tell(WriteAct act, const std::string& topic, const Topic& t, std::string text) {
  if (audit_ == nullptr) return;
  audit_->tell(
      {act, topic, t.lease.holder_name, t.lease.peer, t.lease.endpoint, t.rule.origin, std::move(text)});
}

proto::SetAnswer* Writes::add_answer(const WriteRequest& r, proto::SetOutcome outcome, std::string text) {
  WriteAnswer& a = answers_.emplace_back();
  a.number = r.number;
  a.answer.set_outcome(outcome);
  a.answer.set_text(std::move(text));
  return &a.answer;
}

void Writes::forget_topics() {
  if (!std::exchange(may_forget_, false)) return;
  std::erase_if(topics_, [](const auto& entry) {
    const Topic& t = entry.second;
    return t.handle == kNone && t.sequence == 0 && t.lease.holder == 0;
  });
}

// --- requests

void Writes::count_outcome(proto::SetOutcome outcome) {
  WriteCounters& c = *counters_;
  uint64_t* const count = outcome == proto::SET_NO_RULE    ? &c.refused_no_rule
                          : outcome == proto::SET_HELD     ? &c.refused_held
                          : outcome == proto::SET_OWNED    ? &c.refused_owned
                          : outcome == proto::SET_LIMIT    ? &c.refused_limit
                          : outcome == proto::SET_RATE     ? &c.refused_rate
                          : outcome == proto::SET_NO_TOPIC ? &c.refused_no_topic
                          : outcome == proto::SET_MISMATCH ? &c.refused_mismatch
                          : outcome == proto::SET_NO_AUDIT ? &c.refused_no_audit
                                                           : &c.refused_no_room;
  ++*count;
}

std::string Writes::denied_text(const std::string& peer, const std::string& topic) {
  return "peer " + peer + " may not write topic " + topic;
}

void Writes::deny(const WriteRequest& r, const Access::Decision& denied) {
  ++counters_->refused_denied;
  add_answer(r, proto::SET_DENIED, denied_text(r.peer, r.topic));
  if (audit_ == nullptr) return;
  const std::string table = denied.named ? "[[deny]] at " : "[[allow]] at ";
  const std::string rule = denied.rule != nullptr ? table + denied.rule->rule.origin : "";
  audit_->tell({WriteAct::kDenied, r.topic, r.holder_name, r.peer, r.endpoint, rule,
                Access::words(r.peer, r.topic, denied)});
}

void Writes::refuse(const WriteRequest& r, const std::string& rule, const Subject& s, bool takes_back,
                    int64_t now_ns) {
  count_outcome(s.outcome);
  if (audit_ != nullptr) {
    const bool has_value = r.kind == proto::SET_VALUE && !s.schema.type_name.empty();
    const char* const before = takes_back ? "; a line before this may say that it was set: it was not" : "";
    audit_->tell({WriteAct::kRefused, r.topic, r.holder_name, r.peer, r.endpoint, rule, s.why + before,
                  has_value ? &s.schema : nullptr, r.value, takes_back});
  }
  proto::SetAnswer* const answer = add_answer(r, s.outcome, s.why);
  if (s.outcome != proto::SET_HELD) return;
  const Lease& lease = topics_.at(r.topic).lease;
  answer->set_holder_name(lease.holder_name);
  answer->set_lease_ns(static_cast<uint64_t>(lease.until_ns - now_ns));
}

void Writes::take_value(const WriteRequest& r, const WriteRule& rule, int64_t now_ns) {
  Subject s = look(r.topic, rule);
  const auto known = topics_.find(r.topic);
  const Topic nobody;
  if (s.outcome == proto::SET_DONE)
    s = judge(r, rule, known == topics_.end() ? nobody : known->second, std::move(s), now_ns);
  const auto no = [&](proto::SetOutcome outcome, const std::string& why) {
    s.outcome = outcome;
    s.why = "topic " + r.topic + ": " + why;
  };
  const auto of_peer = [&](const Waiting& w) { return w.request.peer == r.peer; };
  if (s.outcome == proto::SET_DONE && known == topics_.end() && topics_.size() >= kMaxTopics)
    no(proto::SET_NO_ROOM, "peers have set " + std::to_string(kMaxTopics) + " topics here, no more");
  const bool too_many =
      waiting_.size() >= kMaxWaiting ||
      std::count_if(waiting_.begin(), waiting_.end(), of_peer) >= std::ptrdiff_t{kMaxWaitingOfPeer};
  if (s.outcome == proto::SET_DONE && too_many)
    no(proto::SET_NO_AUDIT, "too many values wait for the audit, so nothing is written");
  if (s.outcome != proto::SET_DONE) return refuse(r, rule.origin, s, false, now_ns);
  accept(r, rule, std::move(s.schema), now_ns);
}

void Writes::take_release(const WriteRequest& r, const WriteRule& rule, int64_t now_ns) {
  const bool later = std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.request.topic == r.topic && w.request.holder == r.holder;
  });
  if (!later) return release_lease(r, rule, now_ns);
  Waiting& w = waiting_.emplace_back();
  w.request = r;
  w.rule = rule;
  w.arrived_ns = now_ns;
}

void Writes::release_lease(const WriteRequest& r, const WriteRule& rule, int64_t now_ns) {
  const auto known = topics_.find(r.topic);
  Topic* const t = known == topics_.end() ? nullptr : &known->second;
  if (t != nullptr && t->lease.holder == r.holder) give_up_all(r.topic, "the lease is released", now_ns);
  if (t != nullptr && t->lease.holder != 0 && t->lease.holder != r.holder) {
    const std::string holder = holder_words(t->lease.holder_name, t->lease.peer);
    return refuse(r, rule.origin, {proto::SET_HELD, "topic " + r.topic + ": held by " + holder, {}}, false,
                  now_ns);
  }
  const bool held = t != nullptr && t->lease.holder != 0;
  if (held) {
    tell(WriteAct::kReleased, r.topic, *t,
         t->dead_man_at_ns == INT64_MAX
             ? ""
             : "the dead man's time is over in " + time_words(t->dead_man_at_ns - now_ns));
    ++counters_->released;
    t->lease.holder = 0;
  }
  add_answer(r, proto::SET_DONE, held ? "" : "there was no lease")
      ->set_dead_man_ns(static_cast<uint64_t>(rule.dead_man_ns));
}

void Writes::take_probe(const WriteRequest& r, const WriteRule& rule, int64_t now_ns) {
  const Subject s = look(r.topic, rule);
  if (s.outcome != proto::SET_DONE) return refuse(r, rule.origin, s, false, now_ns);
  proto::SetAnswer* const answer = add_answer(r, proto::SET_DONE, "");
  answer->set_dead_man_ns(static_cast<uint64_t>(rule.dead_man_ns));
  answer->set_schema(s.schema.text());
}

void Writes::take(const WriteRequest& r, int64_t now_ns) {
  const Access::Decision access = access_->decide(r.peer, r.topic, Right::kWrite);
  if (!access.allowed) return deny(r, access);
  if (const auto known = topics_.find(r.topic); known != topics_.end())
    expire_lease(r.topic, &known->second, now_ns);
  if (const std::optional<size_t> index = rule_set_.decide(r.topic, r.peer); !index) {
    refuse(r, "", {proto::SET_NO_RULE, "no [[write]] rule lets " + r.peer + " set topic " + r.topic, {}},
           false, now_ns);
  } else if (r.kind == proto::SET_PROBE) {
    take_probe(r, rules_[*index], now_ns);
  } else if (r.kind == proto::SET_RELEASE) {
    take_release(r, rules_[*index], now_ns);
  } else {
    take_value(r, rules_[*index], now_ns);
  }
  forget_topics();
}

// --- what becomes of leases

std::string Writes::fail_safe(const std::string& topic, Topic* t, int64_t now_ns) {
  t->dead_man_at_ns = INT64_MAX;
  if (t->handle == kNone) return "the topic is gone";
  if (const std::string other = other_writer(topic); !other.empty()) {
    // It is that one's now: a value of ours would hide it.
    store_->remove(std::exchange(t->handle, kNone));
    return other + " writes it now, nothing is written";
  }
  if (t->rule.on_expiry != OnStale::kHold) ++counters_->fail_safe;
  if (t->rule.on_expiry == OnStale::kTombstone) {
    store_->remove(std::exchange(t->handle, kNone));
    return "the topic is removed";
  }
  if (t->rule.on_expiry == OnStale::kHold) return "the last value stays";
  std::vector<std::byte> value = t->rule.fail_safe;
  if (t->rule.on_expiry == OnStale::kZero) value.assign(t->schema.size, std::byte{0});
  // The state first, and after a new value last: no reader takes what stands in for a fresh value.
  store_->report_state(t->handle, State::kSubstituted);
  if (store_->put(t->handle, {++t->sequence, t->stamp_ns, now_ns, now_ns}, value) != PutResult::kTaken) {
    store_->remove(std::exchange(t->handle, kNone));
    return "there is no room for the fail-safe value, the topic is removed";
  }
  return t->rule.on_expiry == OnStale::kZero ? "zero is written" : "fail_safe is written";
}

void Writes::expire_lease(const std::string& topic, Topic* t, int64_t now_ns) {
  if (t->withdrawn) return withdraw_lease(topic, t, "the rules are other ones", now_ns);
  const bool silent = now_ns >= t->dead_man_at_ns, over = t->lease.holder != 0 && now_ns >= t->lease.until_ns;
  if (!silent && !over) return;
  give_up_all(topic, silent ? "its dead man's time is over" : "the lease is over", now_ns);
  if (t->lease.holder != 0) {
    ++counters_->expired;
  } else if (!silent) {
    return;  // the lease was not taken
  }
  t->lease.holder = 0;
  tell(WriteAct::kExpired, topic, *t,
       !silent ? "the lease is over"
               : "silent for " + time_words(t->rule.dead_man_ns) + ": " + fail_safe(topic, t, now_ns));
}

void Writes::withdraw_lease(const std::string& topic, Topic* t, const char* why, int64_t now_ns) {
  t->withdrawn = false;
  give_up_all(topic, why, now_ns);
  const bool watched = t->dead_man_at_ns != INT64_MAX;
  if (t->lease.holder == 0 && !watched) return;
  if (t->lease.holder != 0) ++counters_->withdrawn;
  t->lease.holder = 0;
  tell(WriteAct::kWithdrawn, topic, *t,
       watched ? std::string(why) + ": " + fail_safe(topic, t, now_ns) : std::string(why));
}

void Writes::update(int64_t now_ns) {
  if (now_ns < due_ns()) return;
  for (auto& [topic, t] : topics_) expire_lease(topic, &t, now_ns);
  settle(now_ns);
  forget_topics();
}

void Writes::end(int64_t now_ns) {
  for (auto& [topic, t] : topics_) withdraw_lease(topic, &t, "the relay ends", now_ns);
}

int64_t Writes::due_ns() const {
  if (!waiting_.empty() && fate_of(waiting_.front()) != LineFate::kWaits) return 0;
  int64_t due = INT64_MAX;
  for (const Waiting& w : waiting_) due = std::min(due, w.request.deadline_ns);
  for (const auto& [topic, t] : topics_) {
    if (t.withdrawn) return 0;
    due = std::min(due, t.dead_man_at_ns);
    if (t.lease.holder != 0) due = std::min(due, t.lease.until_ns);
  }
  return due;
}

}  // namespace smt::relay
