// What becomes of a value from the moment that its line is handed to the audit until it is written or
// refused.
#include <algorithm>
#include <utility>

#include "relay/message/durations.h"
#include "relay/writes/writes.h"

namespace smt::relay {

void Writes::accept(const WriteRequest& r, const WriteRule& rule, Schema schema, int64_t now_ns) {
  Topic& t = topics_[r.topic];
  Waiting& w = waiting_.emplace_back();
  w.request = r;
  w.value.assign(r.value.begin(), r.value.end());
  w.request.value = w.value;
  w.request.deadline_ns = std::min(r.deadline_ns, now_ns + rule.lease());
  if (rule.dead_man_ns != 0)
    w.request.deadline_ns = std::min(w.request.deadline_ns, now_ns + rule.dead_man_ns);
  w.rule = rule;
  w.schema = std::move(schema);
  w.arrived_ns = now_ns;
  w.takes_lease = t.lease.holder == 0;
  if (w.takes_lease) t.before = t.lease;
  t.lease = {r.holder, r.holder_name, r.peer, r.endpoint, now_ns + rule.lease()};
  if (rule.period_ns != 0) t.paced_ns = std::max(now_ns, t.paced_ns) + rule.period_ns;
  if (audit_ != nullptr) {
    std::vector<WriteEvent> events;
    if (w.takes_lease) events.push_back(event_of(w, WriteAct::kLease));
    events.push_back(event_of(w, WriteAct::kSet));
    w.ticket = audit_->begin(events);
  }
  settle(now_ns);
}

LineFate Writes::fate_of(const Waiting& w) const {
  const bool has_line = audit_ != nullptr && w.request.kind == proto::SET_VALUE;
  return has_line ? audit_->fate(w.ticket) : LineFate::kWritten;
}

std::list<Writes::Waiting>::iterator Writes::next_settled(int64_t now_ns) {
  return std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return now_ns >= w.request.deadline_ns || (&w == &waiting_.front() && fate_of(w) != LineFate::kWaits);
  });
}

void Writes::settle(int64_t now_ns) {
  for (auto it = next_settled(now_ns); it != waiting_.end(); it = next_settled(now_ns)) {
    const Waiting w = std::move(*it);
    waiting_.erase(it);
    if (w.request.kind == proto::SET_RELEASE) {
      release_lease(w.request, w.rule, now_ns);
    } else {
      settle_value(w, now_ns);
    }
  }
}

std::string Writes::late_text(const Waiting& w) {
  return "topic " + w.request.topic + ": the audit was not written within " +
         time_words(w.request.deadline_ns - w.arrived_ns) + ", so nothing is";
}

void Writes::settle_value(const Waiting& w, int64_t now_ns) {
  const WriteRequest& r = w.request;
  const LineFate fate = fate_of(w);
  Subject no{proto::SET_NO_AUDIT, "", {}};
  if (fate == LineFate::kFailed) {
    no.why = "topic " + r.topic + ": the audit cannot be written, so nothing is";
  } else if (now_ns >= r.deadline_ns) {
    no.why = late_text(w);
  } else {
    Topic& t = topics_.at(r.topic);
    no = put_value(w, &t, now_ns);
    if (no.outcome == proto::SET_DONE) return on_written(w, t, now_ns);
  }
  give_up(w, std::move(no), now_ns);
}

Writes::Subject Writes::put_value(const Waiting& w, Topic* t, int64_t now_ns) {
  const WriteRequest& r = w.request;
  if (now_ns != w.arrived_ns) {
    if (const std::string other = other_writer(r.topic); !other.empty())
      return {proto::SET_OWNED, "topic " + r.topic + " is written by " + other, {}};
  }
  if (Status opened = open_topic(r.topic, w.rule, w.schema, r.value.size(), t); !opened.ok())
    return {proto::SET_NO_ROOM, opened.message(), {}};
  const SampleHead head{t->sequence + 1, r.stamp_ns, w.arrived_ns, now_ns};
  if (store_->put(t->handle, head, r.value) != PutResult::kTaken)
    return {proto::SET_NO_ROOM, "topic " + r.topic + ": there is no room for the value", {}};
  store_->report_state(t->handle, State::kEmpty);
  ++t->sequence;
  t->stamp_ns = r.stamp_ns;
  t->rule = w.rule;
  t->dead_man_at_ns = w.rule.dead_man_ns == 0 ? INT64_MAX : w.arrived_ns + w.rule.dead_man_ns;
  if (w.takes_lease) t->before.reset();
  return {};
}

void Writes::on_written(const Waiting& w, const Topic& t, int64_t now_ns) {
  ++counters_->written;
  if (w.takes_lease) ++counters_->leases;
  if (audit_ != nullptr) {
    audit_->withdraw(w.ticket);
    if (w.takes_lease) audit_->done(event_of(w, WriteAct::kLease));
    audit_->done(event_of(w, WriteAct::kSet));
  }
  proto::SetAnswer* const answer = add_answer(w.request, proto::SET_DONE, "");
  answer->set_dead_man_ns(static_cast<uint64_t>(w.rule.dead_man_ns));
  answer->set_lease_ns(static_cast<uint64_t>(t.lease.until_ns - now_ns));
  answer->set_sequence(t.sequence);
}

void Writes::give_up(const Waiting& w, Subject why, int64_t now_ns) {
  const std::string& topic = w.request.topic;
  if (w.takes_lease) {
    Topic& t = topics_.at(topic);
    t.lease = *std::exchange(t.before, std::nullopt);
    may_forget_ = true;
  }
  why.schema = w.schema;
  refuse(w.request, w.rule.origin, why, audit_ != nullptr && !audit_->withdraw(w.ticket), now_ns);
  if (w.takes_lease) give_up_all(topic, "the lease was not taken", now_ns);
}

void Writes::give_up_all(const std::string& topic, const std::string& why, int64_t now_ns) {
  const auto next = [&] {
    return std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
      return w.request.kind == proto::SET_VALUE && w.request.topic == topic;
    });
  };
  for (auto it = next(); it != waiting_.end(); it = next()) {
    const Waiting w = std::move(*it);
    waiting_.erase(it);
    const bool late = now_ns >= w.request.deadline_ns;
    const std::string text =
        "topic " + topic + ": " + why + ", and the audit was not written until then, so nothing is";
    give_up(w, {proto::SET_NO_AUDIT, late ? late_text(w) : text, {}}, now_ns);
  }
}

}  // namespace smt::relay
