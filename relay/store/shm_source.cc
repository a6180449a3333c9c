#include "relay/store/shm_source.h"

#include <algorithm>
#include <map>

#include "relay/store/node_names.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// States of mirrored topics change without a publication: how often they are asked for.
constexpr int64_t kJudgeNs = 100'000'000;
constexpr int kTries = 8;

}  // namespace

Result<std::unique_ptr<ShmSource>> ShmSource::open(const Domain& domain) {
  Result<Waiter> waiter = Waiter::open(domain);
  if (!waiter.ok()) return waiter.status();
  Result<Id128> origin = domain.origin_id();
  if (!origin.ok()) return origin.status();
  return std::unique_ptr<ShmSource>(new ShmSource(domain, std::move(*waiter), *origin));
}

const TopicDescription* ShmSource::topic(uint32_t id) const {
  return id < topics_.size() && !topics_[id].writers.empty() ? &topics_[id].description : nullptr;
}

void ShmSource::set_special(uint32_t id) {
  if (topics_[id].writers.size() > 1 || topics_[id].told != State::kEmpty) {
    special_.set(id);
  } else {
    special_.clear(id);
  }
}

uint32_t ShmSource::id_for(const std::string& name) {
  if (const auto it = by_name_.find(name); it != by_name_.end()) return it->second;
  uint32_t id;
  if (free_.empty()) {
    id = static_cast<uint32_t>(topics_.size());
    topics_.emplace_back();
    rings_.emplace_back();
    flags_.push_back(0);
  } else {
    id = free_.back();
    free_.pop_back();
    topics_[id] = Topic();
  }
  by_name_[name] = id;
  return id;
}

std::shared_ptr<const std::string> ShmSource::schema_text(const TopicView& view, uint64_t* value_bytes) {
  auto known = schemas_.find(view.schema_hash);
  if (known == schemas_.end()) {
    Result<Schema> schema = view.segment->schema(view);
    if (!schema.ok()) return nullptr;
    known = schemas_
                .emplace(view.schema_hash,
                         Text{std::make_shared<const std::string>(schema->text()), schema->size})
                .first;
  }
  *value_bytes = known->second.value_bytes;
  return known->second.text;
}

// Of several writers the one whose sample was born last (tie: the greater node name), as Reader has it.
void ShmSource::choose_writer(uint32_t id) {
  Topic& t = topics_[id];
  size_t best = 0;
  int64_t best_born = INT64_MIN;
  for (size_t i = 0; i < t.writers.size() && t.writers.size() > 1; ++i) {
    const std::optional<SampleHead> head = peek_newest(t.writers[i], kTries);
    if (!head) continue;
    const int64_t born = head->born_ns;
    if (born > best_born ||
        (born == best_born && t.writers[i].segment->node() > t.writers[best].segment->node())) {
      best = i;
      best_born = born;
    }
  }
  t.winner = best;
}

void ShmSource::describe(uint32_t id) {
  Topic& t = topics_[id];
  const TopicView& view = t.writers[t.winner];
  TopicDescription& d = t.description;
  d.name = view.name;
  d.schema_hash = view.schema_hash;
  d.schema = schema_text(view, &d.value_bytes);
  d.max_bytes = view.max_bytes;
  d.history = static_cast<uint32_t>(view.slot_count);
  d.generation = view.generation;
  d.origin = view.segment->origin(view);
  if (view.origin_offset == 0) {
    d.origin.origin_id = origin_id_;
    d.origin.domain = domain_.name();
  }
  d.hops = view.hops;
  d.max_age_ns = view.segment->max_age_ns(view);
  d.first_sequence = view.first_sequence;
  rings_[id] = {view.counter,     view.entry,          view.ring,       view.slot_count - 1,
                view.slot_stride, view.first_position, view.generation, view.max_bytes};
  set_special(id);
  flags_[id] = static_cast<uint8_t>(d.hops != 0 ? flags_[id] | kMirrored : flags_[id] & ~kMirrored);
  mark(id, kDescribed);
  updated_.set(id);
}

void ShmSource::add_writer(NodeState* node, TopicView view) {
  const uint32_t index = view.index;
  uint64_t value_bytes;
  if (schema_text(view, &value_bytes) == nullptr)
    return;  // removed meanwhile, or damaged: as if it were not there
  const uint32_t id = id_for(view.name);
  node->ids[index] = id;
  if (!node->shifted.any() && id >= index) node->shift = id - index;
  if (id == index + node->shift) node->shifted.set(index);
  topics_[id].writers.push_back(std::move(view));
  choose_writer(id);
  describe(id);
}

void ShmSource::drop_writer(NodeState* node, uint32_t index) {
  const uint32_t id = node->ids[index];
  node->ids[index] = kNone;
  node->shifted.clear(index);
  if (id == kNone) return;
  Topic& t = topics_[id];
  std::erase_if(t.writers, [&](const TopicView& w) { return w.segment == node->view && w.index == index; });
  mark(id, kRestated);  // looked at again when all nodes are read
}

void ShmSource::index(NodeState* node) {
  while (std::optional<DirectoryCursor::Change> change = node->directory.next(*node->view)) {
    if (node->ids.size() <= change->index) node->ids.resize(node->directory.limit(), kNone);
    if (change->topic) {
      add_writer(node, std::move(*change->topic));
    } else {
      drop_writer(node, change->index);
    }
  }
}

// Brings nodes_ in line with the folder.
void ShmSource::follow_nodes() {
  const std::vector<std::shared_ptr<SegmentView>>& views = waiter_.nodes();
  const auto is = [](const NodeState& node, const std::shared_ptr<SegmentView>& view) {
    return node.view == view;
  };
  if (std::equal(nodes_.begin(), nodes_.end(), views.begin(), views.end(), is)) return;
  std::map<const SegmentView*, NodeState> before;
  for (NodeState& node : nodes_) before[node.view.get()] = std::move(node);
  nodes_.clear();
  for (const std::shared_ptr<SegmentView>& view : views) {
    NodeState& node = nodes_.emplace_back();
    if (auto known = before.extract(view.get())) {
      node = std::move(known.mapped());
    } else {
      node.host = view->host();
    }
    node.view = view;
    node.sets = view->node().starts_with(kWritePrefix);
  }
  for (auto& [view, node] : before) {  // gone, or replaced
    for (uint32_t index = 0; index < node.ids.size(); ++index) drop_writer(&node, index);
  }
}

const ShmSource::NodeState& ShmSource::node_of(const TopicView& writer) const {
  const auto node =
      std::lower_bound(nodes_.begin(), nodes_.end(), writer.segment->node(),
                       [](const NodeState& n, const std::string& name) { return n.view->node() < name; });
  return *node;
}

std::vector<WriterInfo> ShmSource::writers(uint32_t id) const {
  std::vector<WriterInfo> out;
  for (const TopicView& w : topics_[id].writers) {
    const NodeState& node = node_of(w);
    out.push_back(
        {w.segment->node(), w.segment->host(), w.segment->pid(), node.alive && !node.closed, w.schema_hash});
  }
  if (topics_[id].winner < out.size()) std::swap(out[0], out[topics_[id].winner]);
  return out;
}

void ShmSource::judge_state(const NodeState& node, uint32_t id, int64_t now_ns) {
  Topic& t = topics_[id];
  if (t.writers.empty() || t.writers[t.winner].segment != node.view) return;
  State told = State::kEmpty;
  // Without a maximum age: how old is too old, the mirror's reader sees for itself.
  switch (const State s = node.view->state(t.writers[t.winner], !node.alive, now_ns, 0)) {
    case State::kSourceDead:
    case State::kLinkDown:
    case State::kSubstituted:
      told = s;
      break;
    default:
      break;
  }
  if (told == t.told) return;
  t.told = told;
  set_special(id);
  mark(id, kRestated);
}

// A sample of it is newer, in this node.
void ShmSource::on_moved(const NodeState& node, uint32_t id, int64_t now_ns) {
  const bool special = special_.test(id);
  Topic& t = topics_[id];
  if (special && t.writers.size() > 1) {
    const size_t before = t.winner;
    choose_writer(id);
    if (t.winner != before) describe(id);
    if (t.writers[t.winner].segment != node.view) return;  // an older one than that of another writer
  }
  updated_.set(id);
  if (special ? t.told != State::kEmpty : node.sets) judge_state(node, id, now_ns);
}

// What moved in this node, and whose state is another one now.
void ShmSource::look(NodeState* node, int64_t now_ns, bool all_topics, bool all_states) {
  moved_words_.clear();
  // Whoever publishes moves the word after the counter. One who dies in between is found by the look in any
  // case.
  const uint32_t bell_word = read_bell_word(node->view->word());
  if (bell_word != node->bell_word || all_topics) node->view->scan_words(&node->counters, &moved_words_);
  node->bell_word = bell_word;
  const bool closed = node->view->closed();
  const uint64_t epoch = node->view->epoch();
  const bool judge_all = all_states || closed != node->closed || epoch != node->epoch;
  node->closed = closed;
  node->epoch = epoch;
  for (size_t w = 0; w < moved_words_.size(); ++w) {
    const uint32_t first = Bits::number(w, 1) + node->shift;
    const uint64_t usual =
        node->sets ? 0 : moved_words_[w] & node->shifted.word(w) & ~special_.word_from(first);
    if (usual != 0) updated_.add_from(first, usual);
    for (uint64_t word = moved_words_[w] & ~usual; word != 0; word &= word - 1) {
      const uint32_t index = Bits::number(w, word);
      if (index < node->ids.size() && node->ids[index] != kNone) on_moved(*node, node->ids[index], now_ns);
    }
  }
  if (!judge_all) return;
  const bool renamed = node->view->host() != node->host;
  if (renamed) node->host = node->view->host();
  for (const uint32_t id : node->ids) {
    if (id == kNone) continue;
    const Topic& t = topics_[id];
    if (renamed && t.winner < t.writers.size() && t.writers[t.winner].segment == node->view) describe(id);
    judge_state(*node, id, now_ns);
  }
}

void ShmSource::collect(int64_t now_ns, Changes* changes) {
  free_.insert(free_.end(), freed_.begin(), freed_.end());
  freed_.clear();
  waiter_.collect();
  follow_nodes();
  for (NodeState& node : nodes_) index(&node);
  const bool due = now_ns >= judge_due_ns_;
  if (due) judge_due_ns_ = next_tick_ns(now_ns, kJudgeNs);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    NodeState& node = nodes_[i];
    const bool alive = waiter_.alive()[i];
    const bool turned = alive != node.alive;
    node.alive = alive;
    // States of a mirror and of what peers set change by themselves; the others' after a death and an
    // adoption.
    look(&node, now_ns, turned || due, turned || (due && (node.view->mirror() || node.sets)));
  }
  for (const uint32_t id : marked_) {
    Topic& t = topics_[id];
    if (t.writers.empty()) {
      by_name_.erase(t.description.name);
      freed_.push_back(id);
      changes->removed.push_back(id);
      updated_.clear(id);
      rings_[id] = Ring();
    } else {
      if (t.winner >= t.writers.size() || t.writers[t.winner].entry != rings_[id].entry ||
          t.writers[t.winner].generation != rings_[id].generation) {
        choose_writer(id);
        describe(id);
      }
      if ((flags_[id] & kDescribed) != 0) {
        judge_state(node_of(t.writers[t.winner]), id, now_ns);
        changes->described.push_back(id);
      }
      if ((flags_[id] & kRestated) != 0) changes->state.push_back(id);
    }
    flags_[id] &= static_cast<uint8_t>(~kMarks);
  }
  marked_.clear();
  changes->updated.add(updated_);
  updated_.clear();
}

// A byte tells of most topics that they were born here.
Provenance ShmSource::provenance(uint32_t id, uint64_t) const {
  if ((flags_[id] & kMirrored) == 0 || topics_[id].writers.empty()) return {};
  const TopicView& view = topics_[id].writers[topics_[id].winner];
  return {view.segment->age_error_ns(view).value_or(Provenance::kUnknown), Provenance::kUnknown};
}

SampleRead ShmSource::read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = read_newest_head(*ring.counter);
    if (position < ring.first_position) return SampleRead::kEmpty;
    ++slot_reads_;
    switch (read_slot(ring, position, head, room, bytes)) {
      case SlotRead::kOk:
        return SampleRead::kOk;
      case SlotRead::kDamaged:
        return SampleRead::kEmpty;
      case SlotRead::kNotThere:
        break;
    }
  }
  return SampleRead::kBusy;
}

// The usual outcome of read_newest(); false: another one, which that tells.
[[gnu::always_inline]] inline bool ShmSource::read_at_once(const Ring& ring, SampleHead* head,
                                                           std::byte* room, uint64_t* bytes) {
  if (ring.counter == nullptr) return false;
  const uint64_t position = read_newest_head(*ring.counter);
  return position >= ring.first_position && read_slot(ring, position, head, room, bytes) == SlotRead::kOk;
}

size_t ShmSource::read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                              std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) {
  SampleRow* const begin = out->places(ids.size());
  SampleRow* end = begin;
  std::byte* value = room;
  size_t others = 0;
  int64_t errors_ns = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t id = ids[i];
    uint64_t bytes = 0;
    if (!read_at_once(rings_[id], &end->head, value, &bytes)) [[unlikely]] {
      ++others;
      const SampleRead read = read_newest(id, &end->head, value, &bytes);
      if (read == SampleRead::kBusy) busy->push_back(static_cast<uint32_t>(i));
      if (read != SampleRead::kOk) continue;
    }
    if (end->head.sequence == sent[i]) continue;
    value += bytes;
    const bool mirrored = (flags_[id] & kMirrored) != 0;
    const int64_t error_ns = mirrored ? provenance(id, end->head.sequence).age_error_ns : 0;
    errors_ns |= error_ns;
    (end++)->complete(id, sent[i], now_ns, error_ns, bytes);
  }
  slot_reads_ += ids.size() - others;
  out->grow(static_cast<size_t>(end - begin), errors_ns);
  return static_cast<size_t>(value - room);
}

uint64_t ShmSource::newest_sequence(uint32_t id) const {
  const Ring& ring = rings_[id];
  uint64_t sequence = 0;
  if (ring.counter == nullptr) return 0;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = read_newest_head(*ring.counter);
    if (position < ring.first_position) return 0;
    if (sequence_at(ring, position, &sequence)) return sequence;
  }
  return sequence;
}

// False: the slot holds another position by now.
bool ShmSource::sequence_at(const Ring& ring, uint64_t position, uint64_t* sequence) {
  const std::optional<SampleHead> head = peek_sample(ring, position);
  if (head) *sequence = head->sequence;
  return head.has_value();
}

// Of the oldest sample with a greater sequence; 0: there is none.
uint64_t ShmSource::position_after(const Ring& ring, uint64_t after) {
  const uint64_t newest = read_newest_head(*ring.counter);
  if (newest < ring.first_position) return 0;
  // Sequences rise with positions. What is overwritten while it is looked at is older than what is sought.
  uint64_t low = std::max(ring.first_position, newest - std::min(newest, ring.mask)), high = newest + 1;
  uint64_t sequence;
  if (sequence_at(ring, newest, &sequence)) {
    if (sequence <= after) return 0;
    // By one with each position at least, and mostly by just that.
    low = std::max(low, newest - std::min(newest, sequence - after - 1));
    if (sequence_at(ring, low, &sequence) && sequence > after) return low;
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (!sequence_at(ring, middle, &sequence) || sequence <= after) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > newest ? 0 : low;
}

SampleRead ShmSource::read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                 uint64_t* bytes) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  uint64_t sequence;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t low = position_after(ring, after);
    if (low == 0) return SampleRead::kEmpty;
    ++slot_reads_;
    switch (read_slot(ring, low, head, room, bytes)) {
      case SlotRead::kOk:
        return SampleRead::kOk;
      case SlotRead::kDamaged:
        if (sequence_at(ring, low, &sequence)) after = sequence;
        break;
      case SlotRead::kNotThere:
        break;
    }
  }
  return SampleRead::kBusy;
}

// The sample that is to be copied, and room for it.
SampleRead ShmSource::begin_whole(uint32_t id, std::optional<uint64_t> after, WholeSample* whole) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = after ? position_after(ring, *after) : read_newest_head(*ring.counter);
    if (position < ring.first_position) return SampleRead::kEmpty;
    const std::optional<SampleHead> head = peek_sample(ring, position, &whole->bytes);
    if (!head) continue;
    ++slot_reads_;
    if (whole->bytes > ring.max_bytes) return SampleRead::kEmpty;  // damaged
    whole->head = *head;
    whole->position = position;
    whole->slot = ring.slot(position);
    whole->segment = topics_[id].writers[topics_[id].winner].segment;
    whole->room = Frame::room(whole->bytes);
    return SampleRead::kMore;
  }
  return SampleRead::kBusy;
}

// Each piece is proved to be of the sample before the next one is copied.
SampleRead ShmSource::read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                                 WholeSample* whole) {
  const Ring& ring = rings_[id];
  const auto give_up = [&](SampleRead why) {
    *whole = {};
    return why;
  };
  if (whole->room == nullptr) {
    if (const SampleRead begun = begin_whole(id, after, whole); begun != SampleRead::kMore)
      return give_up(begun);
  }
  if (ring.counter == nullptr || ring.slot(whole->position) != whole->slot) return give_up(SampleRead::kBusy);
  const layout::Slot* slot = ring.slot(whole->position);
  const uint64_t bytes = std::min(max_bytes, whole->bytes - whole->copied);
  load_words(whole->room.get() + whole->copied, payload_of(slot) + whole->copied / sizeof(layout::Word),
             bytes);
  if (!still_holds(slot, whole->position, ring.entry, ring.generation)) return give_up(SampleRead::kBusy);
  whole->copied += bytes;
  if (whole->copied < whole->bytes) return SampleRead::kMore;
  whole->value.bytes = {whole->room.get(), whole->bytes};
  whole->value.block = std::move(whole->room);
  return SampleRead::kOk;
}

std::optional<SampleHead> ShmSource::newest_head(uint32_t id) const {
  const Ring& ring = rings_[id];
  return ring.counter != nullptr ? peek_newest(ring, kTries) : std::nullopt;
}

}  // namespace smt::relay
