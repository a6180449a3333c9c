// Everything about sending that all peers share: the rules, the look at the source, the samples
// taken, the batch encoded last. A PeerSender tracks what one of them has and lacks.
#ifndef SMT_RELAY_OUTBOUND_OUTBOUND_H_
#define SMT_RELAY_OUTBOUND_OUTBOUND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/batch_writer.h"
#include "proto/codec.h"
#include "relay/counters/counters.h"
#include "relay/frame/compression.h"
#include "relay/frame/frame.h"
#include "relay/outbound/batch_plan.h"
#include "relay/outbound/sent_sequences.h"
#include "relay/rules/access.h"
#include "relay/rules/rule_set.h"
#include "relay/rules/rules.h"
#include "relay/store/paged.h"
#include "relay/store/topic_source.h"

namespace smt::relay {

class Outbound {
 public:
  // `access`: what each peer may of what the rules let pass.
  Outbound(TopicSource* source, const Access* access, OutboundCounters* counters);

  // What peers may have; nothing before. kInvalid as RuleSet::compile, and nothing has changed. Each
  // PeerSender is to be told: see PeerSender::reconsider.
  Status configure(std::vector<SendRule> rules);
  const std::vector<SendRule>& rules() const { return rules_; }
  // The rule for a topic that goes to this peer; nothing: the peer does not get it. Access is asked apart.
  std::optional<size_t> rule(uint32_t id, std::string_view peer) const;
  const Access& access() const { return *access_; }

  // Why, and whether a message can hold the description of a topic.
  RuleSet::Decision explain(std::string_view topic, std::string_view peer) const {
    return rule_set_.explain(topic, peer);
  }
  bool fits(uint32_t id) const { return topics_[id].fits; }

  // Looks at the source. Each PeerSender is to be told what is returned: see PeerSender::on_changes. Valid
  // until the next call.
  const Changes& collect(int64_t now_ns);

  TopicSource& source() { return *source_; }
  OutboundCounters& counters() { return *counters_; }
  void add_wanted(uint32_t id, int more);
  // Largest value; 0: no such topic, or its values are empty.
  uint64_t max_bytes(uint32_t id) const { return topics_[id].max_bytes; }

  // As TopicSource::read_newest; a sample that several peers want is read from its slot once.
  SampleRead sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes);
  // The same for a value that is sent in pieces, and copied in pieces too: at most kPieceOfWork in each turn
  // of collect(), of all topics and peers together. kMore: again in the next turn, with the same `whole`; it
  // is null at first. `after`: as TopicSource::read_after; without it the newest.
  SampleRead sample_whole(uint32_t id, std::optional<uint64_t> after, std::shared_ptr<WholeSample>* whole);
  // What may still be done with large values in this turn is the caller's.
  uint64_t take_work() { return std::exchange(may_work_, 0); }
  // The newest sample, which encode() then takes too; no head: see `read`. Valid until the next call.
  struct Newest {
    const SampleHead* head = nullptr;
    std::span<const std::byte> value;
  };
  Newest newest(uint32_t id, SampleRead* read) {
    *read = SampleRead::kOk;
    return is_at_hand(id) ? at_hand(id) : read_to_keep(id, read);
  }
  // newest() has those of these topics, of a word of Bits, until the next collect(): they are read by one
  // call. Only small values are.
  void look_at(size_t word, uint64_t topics, int64_t now_ns);
  bool has_looked_at(uint32_t id) const { return looked_.topics.test(id); }
  // newest(), if it was looked at; else no head.
  Newest looked_at(uint32_t id) const { return has_looked_at(id) ? at_hand(id) : Newest(); }

  // What became of a special row: samples of rising sequence.
  struct EncodeResult {
    uint32_t samples = 0;
    uint64_t last = 0;         // sequence of the last of them; 0: there is none
    uint64_t bytes = 0;        // of their values
    uint32_t too_old = 0;      // left out
    uint64_t looked_at = 0;    // sequence of the last of those
    uint64_t overwritten = 0;  // gone from the ring: gaps between the samples, and before the first
    bool busy = false;         // to be tried again
  };
  // Samples of other rows that follow each other, all of them in order or none.
  struct PlainRun {
    size_t first, count;  // entries of `samples`
    size_t payload_at;    // of the first one's value
    bool in_order;
  };
  // Rows of steady topics of one word of Bits, see SendQueue::steady.
  struct SteadyRows {
    size_t word;
    uint64_t asked, topics;  // that were to go, and those of them that found room
    size_t first, count;     // rows of the plan
    size_t bytes;            // that they were taken for
  };
  // The same, and which sequences were sent last before and after the batch. A peer for which `before` holds
  // and that gets the same batch is one for which `after` does then.
  struct SteadyStep {
    SteadyRows rows;
    SentSequences::SharedPage before, after;  // `before` is null: no other peer had the same
  };
  struct Encoded {
    BatchPlan plan;
    std::vector<EncodeResult> special;  // in order of plan.special
    std::vector<PlainRun> plain;
    std::vector<uint32_t> busy;  // topics of other rows that are to be tried again
    SampleRows samples;
    std::string_view body;
    Frame payload;
    uint64_t payload_hash = 0;
    bool tried_packed = false;
    bool packed = false;  // these are valid:
    std::string_view packed_body;
    Frame packed_payload;
    uint64_t packed_hash = 0;
    // Of the first peer that has had it; none: no peer has, or no topic goes to several.
    std::vector<SteadyStep> steady;
    uint64_t steady_samples = 0, steady_publications = 0;
  };
  // The samples of a plan as a Batch. Peers that ask for the same in one step share the bytes. Valid until
  // the next call.
  Encoded& encode(const BatchPlan& plan, int64_t now_ns);
  // What encode() has returned last. Of a turn of collect() that is over there is nothing in `steady`.
  const Encoded& encoded() const { return encoded_; }
  bool has_shared_topics() const { return shared_.any(); }
  // The same compressed; false: it does not shrink.
  bool pack(Encoded* e);
  // A piece of a large value compressed, and its size before; nothing: it does not shrink.
  std::optional<Frame> pack_piece(std::span<const std::byte> piece) { return pieces_.shrink(piece); }

 private:
  struct Topic {
    bool fits = false;  // a message can hold its description
    int wanted_by = 0;
    uint64_t max_bytes = 0;  // of its values
  };
  struct NewestSample {
    SampleHead head;
    KeptValue value;
    std::weak_ptr<WholeSample> copying;  // some peer's
  };
  void forget_newest(uint32_t id);
  void keep(uint32_t id, const SampleHead& head, std::span<const std::byte> value);
  void keep_encoded();
  void keep_looked();
  bool is_at_hand(uint32_t id) const { return has_looked_at(id) || kept_.test(id); }
  const SampleRow& looked_row(uint32_t id) const { return looked_.rows.all()[looked_.place[id].row]; }
  Newest at_hand(uint32_t id) const {
    if (!has_looked_at(id)) return {&newest_[id].head, newest_[id].value.bytes()};
    const SampleRow& row = looked_row(id);
    return {&row.head, {looked_.values.data() + looked_.place[id].value, row.bytes}};
  }
  Newest read_to_keep(uint32_t id, SampleRead* read);
  size_t encode_plain(size_t first, size_t end, int64_t now_ns, std::byte* room, size_t at);
  size_t end_of_run(size_t first, size_t end) const;
  size_t encode_at_hand(size_t first, size_t end, int64_t now_ns, std::byte* room);
  void encode_newest(const BatchPlan::SpecialRow& row, int64_t now_ns, std::byte* room, EncodeResult* done);
  void encode_next(const BatchPlan::SpecialRow& row, int64_t now_ns, std::byte* room, EncodeResult* done);
  void add_row(uint32_t id, uint64_t sent, const SampleHead& head, uint64_t bytes, int64_t now_ns);
  void add_sample(size_t row, const SampleHead& head, uint64_t bytes, int64_t now_ns, EncodeResult* done);
  void write_batch(int64_t now_ns);
  std::shared_ptr<std::byte[]> room_of(size_t bytes);

  TopicSource* source_;
  const Access* access_;
  OutboundCounters* counters_;
  std::vector<SendRule> rules_;
  RuleSet rule_set_;
  std::vector<Topic> topics_;
  Paged<NewestSample> newest_;  // by id; no topic has one that is sent from its slot alone
  Bits variable_;               // topics: the size of their values varies
  Bits shared_;                 // several peers want them
  Bits kept_;                   // in newest_ is what the source has ...
  Bits copying_;                // ... or a copy of it is begun
  Changes changes_;
  Encoded encoded_;
  bool encoded_valid_ = false;
  std::shared_ptr<std::byte[]> small_room_;  // for a payload below kMinShared; null: not needed yet
  Bits outdated_;                            // topics that have changed since encoded_ was
  uint64_t may_work_ = kPieceOfWork;         // on large values, until the next collect()
  std::vector<uint64_t> sizes_;              // of the values of variable_ in encoded_
  // Of look_at(), until the next collect().
  struct Looked {
    Bits topics;  // with a sample here
    SampleRows rows;
    std::vector<std::byte> values;  // of the rows, one after the other ...
    size_t bytes = 0;               // ... so many of them
    struct Place {
      uint32_t row;
      size_t value;
    };
    std::vector<Place> place;  // by id
    std::vector<uint32_t> busy;
  };
  Looked looked_;
  proto::BatchWriter writer_;
  Compressor batches_, pieces_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_OUTBOUND_H_
