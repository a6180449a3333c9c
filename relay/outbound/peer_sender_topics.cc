// What a PeerSender sends about topics beside their values: descriptions, states, and that they are gone.
#include <algorithm>

#include "relay/message/wire.h"
#include "relay/outbound/peer_sender.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// What a message takes beside its body, and a topic beside its fields: at most.
constexpr size_t kHeaderBytes = 64, kFieldBytes = 8;

}  // namespace

PeerSender::Step PeerSender::send_forgets() {
  proto::Forget forget;
  const size_t n = std::min(forgets_.size(), proto::kMaxTopics);
  for (size_t i = 0; i < n; ++i) forget.add_id(forgets_[i]);
  const Step step = emit(proto::Envelope::kForgetFieldNumber, forget);
  if (step == Step::kSent) forgets_.erase(forgets_.begin(), forgets_.begin() + static_cast<ptrdiff_t>(n));
  return step;
}

PeerSender::Step PeerSender::send_states() {
  proto::StateChange change;
  restated_.walk([&](uint32_t id) {
    if (static_cast<size_t>(change.id_size()) == proto::kMaxTopics) return false;
    change.add_id(id);
    change.add_state(to_wire(outbound_->source().reported_state(id)));
    return true;
  });
  const Step step = emit(proto::Envelope::kStateFieldNumber, change);
  if (step == Step::kSent) {
    for (const uint32_t id : change.id()) restated_.clear(id);
  }
  return step;
}

void PeerSender::fill_announce(uint32_t id, bool with_head, int64_t now_ns, proto::Announce* out,
                               std::vector<uint64_t>* schemas) {
  const TopicSource& source = outbound_->source();
  const TopicDescription& d = *source.topic(id);
  proto::Topic* t = out->add_topic();
  t->set_id(id);
  t->set_name(d.name);
  t->set_schema_hash(d.schema_hash);
  if (schemas_sent_.count(d.schema_hash) == 0 &&
      std::find(schemas->begin(), schemas->end(), d.schema_hash) == schemas->end()) {
    t->set_schema(*d.schema);
    schemas->push_back(d.schema_hash);
  }
  t->set_generation(d.generation);
  proto::Origin* o = t->mutable_origin();
  o->set_id(to_wire(d.origin->origin_id));
  o->set_segment_id(to_wire(d.origin->segment_id));
  o->set_host(d.origin->host);
  o->set_domain(d.origin->domain);
  o->set_node(d.origin->node);
  t->set_hops(d.hops);
  t->set_state(to_wire(source.reported_state(id)));
  t->set_max_age_ns(d.max_age_ns);
  t->set_max_bytes(d.max_bytes);
  t->set_history(d.history);
  t->set_first_sequence(d.first_sequence);
  t->set_every(topic_at(id).is_in_order());
  if (!with_head) return;
  const std::optional<SampleHead> head = source.newest_head(id);
  if (!head) return;
  t->set_sequence(head->sequence);
  t->set_stamp_ns(head->stamp_ns);
  t->set_age_ns(age_at(now_ns, head->born_ns));
  t->set_age_error_ns(source.provenance(id, head->sequence).age_error_ns);
}

PeerSender::Step PeerSender::send_topics(Bits* ids, bool with_head, int64_t now_ns) {
  proto::Announce announce;
  if (with_head) announce.set_sent_ns(static_cast<uint64_t>(now_ns));
  std::vector<uint64_t> schemas;
  size_t bytes = 0;
  ids->walk([&](uint32_t id) {
    const size_t schemas_before = schemas.size();
    fill_announce(id, with_head, now_ns, &announce, &schemas);
    bytes += announce.topic(announce.topic_size() - 1).ByteSizeLong() + kFieldBytes;
    const auto topics = static_cast<size_t>(announce.topic_size());
    if (topics == 1 ||
        (bytes <= congestion_window_->batch_bytes() - kHeaderBytes && topics <= proto::kMaxTopics))
      return true;
    announce.mutable_topic()->RemoveLast();
    schemas.resize(schemas_before);
    return false;
  });
  const Step step = emit(proto::Envelope::kAnnounceFieldNumber, announce);
  if (step != Step::kSent) return step;
  schemas_sent_.insert(schemas.begin(), schemas.end());
  outbound_->counters().announces += static_cast<uint64_t>(announce.topic_size());
  for (const proto::Topic& told : announce.topic()) {
    listed_.clear(told.id());
    TopicState& t = topic_at(told.id());
    unknown_topics(told.id()).clear(told.id());
    make_special(told.id());
    t.on_announced(told.every());
    if (with_head && t.wanted) dirty_topics(told.id()).set(told.id());
  }
  return step;
}

}  // namespace smt::relay
