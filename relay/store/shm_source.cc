#include "relay/store/shm_source.h"

#include <algorithm>
#include <map>

#include "relay/store/node_names.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// States of mirrored topics change without a publication: how often they are asked for.
constexpr int64_t kJudgeNs = 100'000'000;

}  // namespace

Result<std::unique_ptr<ShmSource>> ShmSource::open(const Domain& domain) {
  Result<Waiter> waiter = Waiter::open(domain);
  if (!waiter.ok()) return waiter.status();
  Result<Id128> origin = domain.origin_id();
  if (!origin.ok()) return origin.status();
  return std::unique_ptr<ShmSource>(new ShmSource(domain, std::move(*waiter), *origin));
}

const TopicDescription* ShmSource::topic(uint32_t id) const {
  return id < topics_.size() && topics_[id].segment != nullptr ? &topics_[id].description : nullptr;
}

void ShmSource::set_special(uint32_t id) {
  if (several_.contains(id) || topics_[id].told != State::kEmpty) {
    special_.set(id);
  } else {
    special_.clear(id);
  }
}

uint32_t ShmSource::id_for(const std::string& name) {
  const auto name_of = [this](uint32_t id) -> std::string_view { return topics_[id].description.name; };
  if (const std::optional<uint32_t> known = by_name_.find(name, name_of)) return *known;
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
  topics_[id].description.name = name;
  by_name_.insert(name, id);
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

// The one whose sample was born last (tie: the greater node name), as Reader has it.
const TopicView& ShmSource::newest_of(const std::vector<TopicView>& writers) {
  const TopicView* best = &writers.front();
  int64_t best_born = INT64_MIN;
  for (const TopicView& w : writers) {
    const std::optional<SampleHead> head = peek_newest(w, kTries);
    if (!head) continue;
    const int64_t born = head->born_ns;
    if (born > best_born || (born == best_born && w.segment->node() > best->segment->node())) {
      best = &w;
      best_born = born;
    }
  }
  return *best;
}

// REQUIRES: the topic has several
void ShmSource::choose_writer(uint32_t id) {
  const TopicView& view = newest_of(several_.at(id));
  if (view.entry != rings_[id].entry || view.generation != rings_[id].generation) describe(id, view);
}

// From here on, and what it says of the topic.
void ShmSource::describe(uint32_t id, const TopicView& view) {
  Topic& t = topics_[id];
  t.segment = view.segment.get();
  t.record = view.record;
  t.index = view.index;
  TopicDescription& d = t.description;
  d.schema_hash = view.schema_hash;
  d.schema = schema_text(view, &d.value_bytes);
  d.max_bytes = view.max_bytes;
  d.history = static_cast<uint32_t>(view.slot_count);
  d.generation = view.generation;
  TopicOrigin origin = view.segment->origin(view);
  if (view.origin_offset == 0) {
    origin.origin_id = origin_id_;
    origin.domain = domain_.name();
  }
  d.origin = origins_.share(std::move(origin));
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
  const Topic& t = topics_[id];
  if (t.segment == nullptr) return describe(id, view);
  if (!several_.contains(id)) {
    // Nothing: the other one is being removed, which drop_writer() hears of.
    std::optional<TopicView> other = t.segment->topic(t.index);
    if (!other || other->name != view.name) return describe(id, view);
    several_[id].push_back(std::move(*other));
  }
  std::vector<TopicView>& writers = several_[id];
  writers.push_back(std::move(view));
  describe(id, newest_of(writers));
}

void ShmSource::drop_writer(NodeState* node, uint32_t index) {
  const uint32_t id = node->ids[index];
  node->ids[index] = kNone;
  node->shifted.clear(index);
  if (id == kNone) return;
  Topic& t = topics_[id];
  const auto several = several_.find(id);
  if (several == several_.end()) {
    if (t.segment != node->view.get() || t.index != index) return;
    t.segment = nullptr;
    mark(id, kRestated);  // looked at again when all nodes are read
    return;
  }
  std::vector<TopicView>& writers = several->second;
  std::erase_if(writers, [&](const TopicView& w) { return w.segment == node->view && w.index == index; });
  mark(id, kRestated);
  choose_writer(id);
  if (writers.size() > 1) return;
  several_.erase(several);
  set_special(id);
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

const ShmSource::NodeState& ShmSource::node_of(const SegmentView& segment) const {
  const auto node =
      std::lower_bound(nodes_.begin(), nodes_.end(), segment.node(),
                       [](const NodeState& n, const std::string& name) { return n.view->node() < name; });
  return *node;
}

std::vector<WriterInfo> ShmSource::writers(uint32_t id) const {
  std::vector<WriterInfo> out;
  const auto add = [&](const SegmentView& segment, uint64_t schema_hash) {
    const NodeState& node = node_of(segment);
    out.push_back({segment.node(), segment.host(), segment.pid(), node.alive && !node.closed, schema_hash});
  };
  const Topic& t = topics_[id];
  if (t.segment == nullptr) return out;
  add(*t.segment, t.description.schema_hash);
  const auto several = several_.find(id);
  if (several == several_.end()) return out;
  for (const TopicView& w : several->second) {
    if (w.segment.get() != t.segment) add(*w.segment, w.schema_hash);
  }
  return out;
}

// What no reader of the mirror sees by itself.
State ShmSource::mirrored_state(const NodeState& node, uint32_t id, int64_t now_ns) const {
  const Ring& ring = rings_[id];
  TopicView& view = asked_;
  view.record = topics_[id].record;
  view.entry = ring.entry;
  view.counter = ring.counter;
  view.ring = ring.slots;
  view.slot_count = ring.mask + 1;
  view.slot_stride = ring.stride;
  view.first_position = ring.first_position;
  view.generation = ring.generation;
  // Without a maximum age: how old is too old, the mirror's reader sees for itself.
  const State s = node.view->state(view, !node.alive, now_ns, 0);
  return s == State::kSourceDead || s == State::kLinkDown || s == State::kSubstituted ? s : State::kEmpty;
}

void ShmSource::judge_state(const NodeState& node, uint32_t id, int64_t now_ns) {
  Topic& t = topics_[id];
  if (t.segment != node.view.get()) return;
  const State told = mirrored_state(node, id, now_ns);
  if (told == t.told) return;
  t.told = told;
  set_special(id);
  mark(id, kRestated);
}

// A sample of it is newer, in this node.
void ShmSource::on_moved(const NodeState& node, uint32_t id, int64_t now_ns) {
  const bool special = special_.test(id);
  Topic& t = topics_[id];
  if (special && several_.contains(id)) {
    choose_writer(id);
    if (t.segment != node.view.get()) return;  // an older one than that of another writer
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
    if (renamed && t.segment == node->view.get()) {
      // Another topic may stand there by now: the next look tells of it.
      const std::optional<TopicView> view = t.segment->topic(t.index);
      const TopicDescription& d = t.description;
      if (view && view->name == d.name && view->generation == d.generation) describe(id, *view);
    }
    judge_state(*node, id, now_ns);
  }
}

void ShmSource::collect(int64_t now_ns, Changes* changes) {
  free_.insert(free_.end(), freed_.begin(), freed_.end());
  freed_.clear();
  waiter_.collect();
  follow_nodes();
  for (NodeState& node : nodes_) {
    if (node.directory.changed(*node.view)) index(&node);
  }
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
    if (t.segment == nullptr) {
      by_name_.erase(t.description.name, id);
      freed_.push_back(id);
      changes->removed.push_back(id);
      updated_.clear(id);
      rings_[id] = Ring();
    } else {
      if ((flags_[id] & kDescribed) != 0) {
        judge_state(node_of(*t.segment), id, now_ns);
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

}  // namespace smt::relay
