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

}  // namespace smt::relay
