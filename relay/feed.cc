#include <algorithm>

#include "relay/outbound.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

const uint64_t kNoPayload = proto::PayloadHash({});
// What a row takes in the header of a Batch, about.
constexpr size_t kRowBytes = 12;

}  // namespace

Feed::Feed(Outbound* outbound, Outlet* outlet, Credit* credit, uint64_t key, const Id128& origin)
    : outbound_(outbound), outlet_(outlet), credit_(credit), key_(key), origin_(origin) {}

Feed::~Feed() {
  for (uint32_t id = 0; id < topics_.size(); ++id) {
    if (topics_[id].wanted) outbound_->wanted(id, -1);
  }
}

Feed::Topic& Feed::At(uint32_t id) {
  if (id >= topics_.size()) topics_.resize(std::max<size_t>(id + 1, outbound_->store().topic_limit()));
  return topics_[id];
}

bool Feed::MayHave(uint32_t id) const {
  const Store& store = outbound_->store();
  const TopicDescription* d = store.topic(id);
  if (d == nullptr || !outbound_->allowed(id)) return false;
  // Not back to where it came from, nor in a ring.
  if (store.from(id) == key_ || d->origin.origin_id == origin_) return false;
  if (d->hops < proto::kMostHops) return true;
  ++outbound_->counters().too_many_hops;
  return false;
}

void Feed::want(Demand demand) {
  demand_ = std::move(demand);
  for (uint32_t id = 0; id < outbound_->store().topic_limit(); ++id) {
    Topic& t = At(id);
    const bool want = MayHave(id) && demand_.matches(outbound_->store().topic(id)->name);
    if (want && t.wanted && PeriodOf(id) != t.pace.period_ns()) {
      t.pace.set_period(PeriodOf(id));
      if (t.waits_until_ns != 0) dirty_.set(id);
    }
    if (want == t.wanted) continue;
    if (want) {
      // Announced anew, and its value sent again: the peer has not kept it current meanwhile.
      described(id);
    } else {
      t.wanted = false;
      t.waits_until_ns = 0;
      outbound_->wanted(id, -1);
      dirty_.clear(id);
    }
  }
}

void Feed::described(uint32_t id) {
  Topic& t = At(id);
  const bool may = MayHave(id), want = may && demand_.matches(outbound_->store().topic(id)->name);
  if (want != t.wanted) outbound_->wanted(id, want ? 1 : -1);
  t.wanted = want;
  if (!may) return Leave(id);
  if (want) t.pace.set_period(PeriodOf(id));
  StopLarge(id);
  if (t.known || want) unknown_.set(id);
  t.announced = false;
  t.sequence = 0;
  t.waits_until_ns = 0;
  restated_.clear(id);
  if (want) dirty_.set(id);
}

void Feed::moved(uint32_t id, int64_t now_ns) {
  if (id >= topics_.size() || !topics_[id].wanted) return;
  Topic& t = topics_[id];
  if (t.queued_large) {
    t.moved_meanwhile = true;
    return;
  }
  const int64_t until = t.pace.moved(now_ns);
  if (until == 0) return dirty_.set(id);
  if (t.waits_until_ns != 0 && t.waits_until_ns <= until) return;
  t.waits_until_ns = until;
  waits_.emplace(until, id);
}

// The longer one of what the rules let it have and what it asked for.
int64_t Feed::PeriodOf(uint32_t id) const {
  return std::max(outbound_->period_ns(), demand_.period_ns(outbound_->store().topic(id)->name).value_or(0));
}

void Feed::restated(uint32_t id) {
  if (id < topics_.size() && topics_[id].announced) restated_.set(id);
}

void Feed::gone(uint32_t id) {
  if (id >= topics_.size()) return;
  Topic& t = topics_[id];
  if (t.wanted) outbound_->wanted(id, -1);
  Leave(id);
}

// The peer is to have nothing of it any more.
void Feed::Leave(uint32_t id) {
  if (At(id).known) forgets_.push_back(id);
  dirty_.clear(id);
  unknown_.clear(id);
  listed_.clear(id);
  restated_.clear(id);
  StopLarge(id);
  topics_[id] = Topic();
}

void Feed::StopLarge(uint32_t id) {
  topics_[id].queued_large = false;
  std::erase(large_, id);
  if (transfer_.active() && transfer_.id == id) transfer_ = Transfer();
}

void Feed::get(uint64_t request, Demand demand, bool list, bool complete) {
  requests_.push_back({request, std::move(demand), list, complete, false, 0, {}});
}

void Feed::Begin(Request* r) {
  r->begun = true;
  for (uint32_t id = 0; id < outbound_->store().topic_limit(); ++id) {
    if (!MayHave(id) || !r->demand.matches(outbound_->store().topic(id)->name)) continue;
    ++r->topics;
    Topic& t = At(id);
    if (r->list) {
      listed_.set(id);
    } else if (!t.wanted || !t.announced || t.waits_until_ns != 0 || !outbound_->store().current(id)) {
      if (!t.announced) unknown_.set(id);
      t.force = true;
      dirty_.set(id);
    } else {
      continue;  // the peer has it, or gets it anyway
    }
    r->ids.push_back(id);
  }
}

bool Feed::Pending(uint32_t id) const {
  return dirty_.test(id) || unknown_.test(id) || listed_.test(id) ||
         (id < topics_.size() && topics_[id].queued_large);
}

size_t Feed::send(int64_t now_ns) {
  for (Request& r : requests_) {
    if (!r.begun) Begin(&r);
  }
  for (; due_ns() <= now_ns; waits_.pop()) {
    const auto [until, id] = waits_.top();
    if (topics_[id].waits_until_ns == until) dirty_.set(id);
  }
  size_t messages = 0;
  while (credit_->open()) {
    const size_t before = messages, large_before = large_.size();
    // Small things first; a batch and a piece of a large value take turns.
    const auto run = [&](Step step) {
      messages += step == Step::kSent;
      return step != Step::kRefused;
    };
    if (!run(SendForgets())) return messages;
    if (!forgets_.empty()) continue;  // their ids may name other topics now
    if (!run(SendStates()) || !run(SendTopics(&listed_, true, now_ns)) ||
        !run(SendTopics(&unknown_, false, now_ns)))
      return messages;
    chunk_next_ = !chunk_next_;
    for (const bool chunk : {chunk_next_, !chunk_next_}) {
      const size_t had = messages;
      if (!run(chunk ? SendChunk(now_ns) : SendBatch(now_ns))) return messages;
      if (messages != had) {
        chunk_next_ = chunk;
        break;
      }
    }
    if (!run(SendReplies())) return messages;
    // A batch that had none but large values has put them in line for the next round.
    if (messages == before && large_.size() <= large_before) {
      credit_->ran_dry();
      break;
    }
  }
  return messages;
}

Feed::Step Feed::Emit(int field, const google::protobuf::MessageLite& body) {
  if (outlet_->send(field, body.SerializeAsString(), Frame(), kNoPayload)) return Step::kSent;
  ++outbound_->counters().refused;
  return Step::kRefused;
}

void Feed::SentSample(uint32_t id, uint64_t sequence, int64_t now_ns) {
  Topic& t = At(id);
  OutboundCounters& counters = outbound_->counters();
  ++counters.samples;
  const uint64_t since = t.sequence != 0 && sequence > t.sequence ? sequence - t.sequence : 1;
  counters.publications += since;
  (t.pace.period_ns() == 0 ? counters.superseded : counters.passed_over_by_rate) += since - 1;
  t.sequence = sequence;
  t.force = false;
  t.pace.sent(now_ns);
  t.waits_until_ns = 0;
}

Feed::Step Feed::SendBatch(int64_t now_ns) {
  if (!dirty_.any()) return Step::kNothing;
  const size_t most = credit_->batch_bytes();
  rows_.clear();
  size_t bytes = 0;
  dirty_.walk([&](uint32_t id) {
    if (unknown_.test(id)) return true;  // announced first
    Topic& t = topics_[id];
    if (t.queued_large) return true;  // nothing between the pieces of a value
    if (!t.force && !outbound_->store().current(id)) {
      dirty_.clear(id);  // until it is: it moves then
      return true;
    }
    const uint64_t max_bytes = outbound_->max_bytes(id);
    if (max_bytes > most) {
      dirty_.clear(id);
      t.queued_large = true;
      large_.push_back(id);
      return true;
    }
    bytes += max_bytes + kRowBytes;
    if (!rows_.empty() && (bytes > most || rows_.size() == proto::kMostTopics)) return false;
    rows_.push_back({id, t.sequence, t.force});
    return true;
  });
  if (rows_.empty()) return Step::kNothing;
  const Outbound::Encoded& e = outbound_->encode(rows_, now_ns);
  if (e.samples != 0 &&
      !outlet_->send(proto::Envelope::kBatchFieldNumber, e.body, e.payload, e.payload_hash)) {
    ++outbound_->counters().refused;
    return Step::kRefused;
  }
  for (size_t i = 0; i < e.asked.size(); ++i) {
    const uint32_t id = e.asked[i].id;
    if (!e.busy[i]) dirty_.clear(id);
    if (e.sequences[i] != 0) SentSample(id, e.sequences[i], now_ns);
  }
  if (e.samples == 0) return Step::kNothing;
  ++outbound_->counters().batches;
  outbound_->counters().payload_bytes += e.payload.bytes.size();
  return Step::kSent;
}

Feed::Step Feed::SendChunk(int64_t now_ns) {
  while (!transfer_.active()) {
    if (large_.empty()) return Step::kNothing;
    const uint32_t id = large_.front();
    if (unknown_.test(id)) return Step::kNothing;
    large_.pop_front();
    At(id).queued_large = false;
    Transfer t;
    t.id = id;
    const SampleRead read = outbound_->sample_whole(id, &t.head, &t.value);
    t.age_error_ns = outbound_->store().way(id, t.head.sequence).age_error_ns;
    if (read == SampleRead::kBusy) dirty_.set(id);
    if (read == SampleRead::kBusy) return Step::kNothing;
    if (read == SampleRead::kEmpty || (t.head.sequence == At(id).sequence && !At(id).force)) continue;
    transfer_ = std::move(t);
    At(id).queued_large = true;  // until its last piece has left; a newer value does not interrupt
    At(id).moved_meanwhile = false;
  }
  Transfer& t = transfer_;
  proto::Chunk chunk;
  chunk.set_id(t.id);
  chunk.set_sequence(t.head.sequence);
  chunk.set_stamp_ns(t.head.stamp_ns);
  chunk.set_age_ns(std::max<int64_t>(0, AgeNs(now_ns, t.head.born_ns)));
  chunk.set_age_error_ns(t.age_error_ns);
  chunk.set_sent_ns(static_cast<uint64_t>(now_ns));
  chunk.set_size(t.value.bytes.size());
  chunk.set_offset(t.offset);
  const size_t bytes = std::min(t.value.bytes.size() - t.offset, credit_->piece_bytes());
  const Frame piece = t.value.part(t.offset, bytes);
  if (!outlet_->send(proto::Envelope::kChunkFieldNumber, chunk.SerializeAsString(), piece,
                     proto::PayloadHash(piece.bytes))) {
    ++outbound_->counters().refused;
    return Step::kRefused;
  }
  ++outbound_->counters().chunks;
  outbound_->counters().payload_bytes += bytes;
  t.offset += bytes;
  if (t.offset == t.value.bytes.size()) {
    const uint32_t id = t.id;
    SentSample(id, t.head.sequence, now_ns);
    transfer_ = Transfer();
    At(id).queued_large = false;
    if (At(id).moved_meanwhile) moved(id, now_ns);
  }
  return Step::kSent;
}

Feed::Step Feed::SendReplies() {
  if (requests_.empty()) return Step::kNothing;
  Request& r = requests_.front();
  while (!r.ids.empty() && !Pending(r.ids.back())) r.ids.pop_back();
  if (!r.ids.empty()) return Step::kNothing;
  proto::Reply reply;
  reply.set_request(r.number);
  reply.set_topics(r.topics);
  reply.set_complete(r.complete);
  const Step step = Emit(proto::Envelope::kReplyFieldNumber, reply);
  if (step == Step::kSent) requests_.pop_front();
  return step;
}

}  // namespace smt::relay
