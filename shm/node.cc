#include "shm/node.h"

#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <mutex>
#include <utility>

#include "shm/bell.h"
#include "shm/domain_view.h"
#include "shm/ordering.h"
#include "shm/owned_segment.h"
#include "shm/topic_table.h"

namespace smt {

class Node::Impl : public internal::NodeCore {
 public:
  // One topic's writer; lives as long as the topic is in the directory.
  class Topic : public internal::TopicWriter {
   public:
    Topic(Impl* impl, uint64_t keep_bytes) : impl_(impl), keep_bytes_(keep_bytes) { node = impl; }

    Status prepare(uint64_t bytes) override;
    void announce() override {
      publish_epoch(record, impl_->segment->birth().epoch);
      quick = true;
    }
    // Takes everything from the directory's entry.
    void bind(TopicTable::Entry* entry) {
      const TopicTable& table = impl_->table;
      const TopicTable::Entry& e = *(entry_ = entry);
      counter = table.counter(e.index);
      ring = table.ring(e);
      mask = e.slot_count - 1;
      stride = e.slot_stride;
      position = counter->load(std::memory_order_relaxed);
      max_bytes = e.max_bytes;
      min_bytes = e.variable ? 0 : e.max_bytes;
      record = table.record(e);
      quick = record->epoch.load(std::memory_order_relaxed) == impl_->segment->birth().epoch;
    }
    // The topic of a mirror that was adopted is no longer left over: see TopicTable::set_link_down.
    void take_over() {
      if (quick || record->state.load(std::memory_order_relaxed) != static_cast<uint32_t>(State::kLinkDown))
        return;
      record->state.store(static_cast<uint32_t>(State::kEmpty), std::memory_order_relaxed);
    }

   private:
    Impl* impl_;
    TopicTable::Entry* entry_ = nullptr;
    const uint64_t keep_bytes_;  // of TopicOptions
  };

  explicit Impl(const Domain& d, const NodeOptions& o) : domain(d), options(o), fifos(d.folder()) {
    clock = d.clock();
    by_ticks = clock == Clock{} && ticks_are_trusted();
    forks = internal::fork_count.load(std::memory_order_relaxed);
  }
  ~Impl() override {
    if (segment == nullptr || forked()) return;
    segment->end(options.remove_on_exit);
    ring();
  }
  bool forked() const { return forks != internal::fork_count.load(std::memory_order_relaxed); }
  Status refuse_if_forked() const {
    return Status(Code::kForked,
                  "node " + options.name + " belongs to the parent of this process: open another one");
  }
  struct Plan;
  Result<Plan> plan(const TopicOptions& asked);
  void wake() override { wake_waiters(bell, word, &fifos); }

  Domain domain;
  NodeOptions options;
  Fifos fifos;
  std::mutex mutex;  // advertise, growth, remove
  TopicTable table;
  std::unique_ptr<OwnedSegment> segment;
};

Status Node::Impl::Topic::prepare(uint64_t bytes) {
  if (impl_->forked()) return impl_->refuse_if_forked();
  if (bytes >= min_bytes && bytes <= max_bytes) return Status();
  std::lock_guard lock(impl_->mutex);
  if (min_bytes == max_bytes) {
    return Status(Code::kInvalid, "a value of " + std::to_string(bytes) + " bytes for topic " + entry_->name +
                                      ", whose type " + impl_->table.type_name(*entry_) + " has " +
                                      std::to_string(max_bytes));
  }
  // Half as much again, so that a slowly growing value does not move at each publish.
  const uint64_t room = layout::align_up(bytes + bytes / 2, 8);
  Status grown = impl_->table.grow(entry_, room, keep_bytes_);
  if (!grown.ok()) grown = impl_->table.grow(entry_, bytes, keep_bytes_);
  if (grown.ok()) bind(entry_);
  return grown;
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const Domain& domain, const NodeOptions& options) {
  auto impl = std::make_unique<Impl>(domain, options);
  Result<std::unique_ptr<OwnedSegment>> segment =
      OwnedSegment::open(domain.shared_folder(), options, &impl->table);
  if (!segment.ok()) return segment.status();
  impl->segment = std::move(*segment);
  impl->word = &impl->segment->header()->word;
  impl->bell = impl->segment->bell();
  impl->ring();
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

// What advertise() makes of a topic.
struct Node::Impl::Plan {
  TopicOptions options;  // complete
  TopicTable::Entry* entry = nullptr;
  bool as_it_is = false, keep_history = false;
};

Result<Node::Impl::Plan> Node::Impl::plan(const TopicOptions& asked) {
  if (Status s = check_topic_name(asked.name); !s.ok()) return s;
  if (Status s = asked.schema.check(); !s.ok()) return s;
  Plan p{asked};
  const bool variable = p.options.schema.size == 0;
  uint64_t& max_bytes = p.options.max_bytes;
  if (max_bytes == 0) max_bytes = variable ? 64 : p.options.schema.size;
  if (!variable && max_bytes != p.options.schema.size) {
    return Status(Code::kInvalid, "topic " + p.options.name + ": its type " + p.options.schema.type_name +
                                      " has " + std::to_string(p.options.schema.size) + " bytes, not " +
                                      std::to_string(max_bytes));
  }
  if (p.options.history > layout::kMaxSlots) {
    return Status(Code::kInvalid, "topic " + p.options.name + ": a history of " +
                                      std::to_string(p.options.history) + " samples; the most is " +
                                      std::to_string(layout::kMaxSlots));
  }
  TopicTable::Entry* const e = p.entry = table.find(p.options.name);
  if (e == nullptr) return p;
  if (e->writer != nullptr && e->writer->publisher_exists) {
    return Status(Code::kInUse, "topic " + p.options.name + " is advertised by this node already");
  }
  const bool same_schema = e->schema_hash == p.options.schema.hash() && e->variable == variable &&
                           (variable || e->max_bytes == max_bytes);
  p.keep_history = same_schema && table.same_origin(*e, p.options);
  if (p.keep_history && variable) max_bytes = std::max(max_bytes, e->max_bytes);
  p.as_it_is = p.keep_history && e->max_bytes == max_bytes &&
               e->slot_count == std::bit_ceil(std::max(p.options.history, layout::kMinSlots));
  if (!p.as_it_is && e->slot_stride > p.options.keep_bytes) p.keep_history = false;
  return p;
}

Result<bool> Node::prepare(const TopicOptions& options, uint64_t max_growth) {
  if (impl_->forked()) return impl_->refuse_if_forked();
  std::lock_guard lock(impl_->mutex);
  Result<Impl::Plan> plan = impl_->plan(options);
  if (!plan.ok()) return plan.status();
  if (plan->as_it_is) return true;
  return impl_->table.prepare(options.name, plan->options.max_bytes, options.history, max_growth);
}

Result<Publisher> Node::advertise(const TopicOptions& options) {
  if (impl_->forked()) return impl_->refuse_if_forked();
  std::lock_guard lock(impl_->mutex);
  Result<Impl::Plan> plan = impl_->plan(options);
  if (!plan.ok()) return plan.status();
  TopicTable::Entry* e = plan->entry;
  if (!plan->as_it_is) {
    Result<TopicTable::Entry*> put =
        impl_->table.put(plan->options, plan->options.schema, plan->options.max_bytes, plan->keep_history);
    if (!put.ok()) return put.status();
    e = *put;
  }
  auto topic = std::make_unique<Impl::Topic>(impl_.get(), options.keep_bytes);
  topic->bind(e);
  topic->record->max_age_ns.store(static_cast<uint64_t>(options.max_age_ns), std::memory_order_relaxed);
  topic->take_over();
  e->writer = std::move(topic);
  impl_->ring();
  return Publisher(e->writer.get());
}

Status Node::remove(std::string_view topic) {
  if (impl_->forked()) return impl_->refuse_if_forked();
  std::lock_guard lock(impl_->mutex);
  TopicTable::Entry* e = impl_->table.find(topic);
  if (e == nullptr) {
    return Status(Code::kNotFound, "node " + name() + " has no topic " + std::string(topic));
  }
  if (e->writer != nullptr && e->writer->publisher_exists) {
    return Status(Code::kInUse, "topic " + std::string(topic) + " still has its Publisher");
  }
  impl_->table.remove(e);
  impl_->ring();
  return Status();
}

bool Node::healthy() const {
  if (impl_->forked()) return true;
  std::lock_guard lock(impl_->mutex);
  impl_->fifos.follow();
  return impl_->domain.healthy() && impl_->segment->healthy();
}

Status Node::remake(std::shared_ptr<const void>* former) {
  if (impl_->forked()) return impl_->refuse_if_forked();
  std::lock_guard lock(impl_->mutex);
  if (Status s = impl_->domain.rejoin(); !s.ok()) return s;
  TopicTable table;
  Result<std::unique_ptr<OwnedSegment>> fresh = impl_->segment->remake(impl_->options, impl_->table, &table);
  if (!fresh.ok()) return fresh.status();
  impl_->ring();  // who sleeps on the old one finds it retired
  TopicTable old_table = std::exchange(impl_->table, std::move(table));
  std::unique_ptr<OwnedSegment> old = std::exchange(impl_->segment, std::move(*fresh));
  impl_->word = &impl_->segment->header()->word;
  impl_->bell = impl_->segment->bell();
  impl_->table.take_writers(
      &old_table, [](TopicTable::Entry* e) { static_cast<Impl::Topic*>(e->writer.get())->bind(e); });
  impl_->ring();
  if (former != nullptr) *former = std::shared_ptr<OwnedSegment>(std::move(old));
  return Status();
}

void Node::keep_alive(int64_t until_boottime_ns) {
  impl_->segment->header()->alive_until.store(static_cast<uint64_t>(until_boottime_ns),
                                              std::memory_order_relaxed);
}

const std::string& Node::name() const { return impl_->options.name; }
const Id128& Node::segment_id() const { return impl_->segment->id(); }
const Birth& Node::birth() const { return impl_->segment->birth(); }
uint32_t Node::topic_count() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->table.size();
}
std::vector<std::string> Node::topics() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->table.names();
}
uint64_t Node::segment_bytes() const { return impl_->segment->header()->size; }
uint64_t Node::reserved_bytes() const {
  return impl_->segment->header()->reserved.load(std::memory_order_relaxed);
}

Status remove_dead_topic(const Domain& domain, std::string_view topic) {
  if (Status s = check_topic_name(topic); !s.ok()) return s;
  DomainView& view = view_of(domain);
  view.refresh();
  const std::vector<TopicView> writers = view.find(topic);
  if (writers.empty())
    return Status(Code::kNotFound, "no topic " + std::string(topic) + " in " + domain.path());
  for (const TopicView& w : writers) {
    if (w.segment->owner_alive()) {
      return Status(Code::kInUse, "topic " + std::string(topic) + " is published by node " +
                                      w.segment->node() + " (pid " + std::to_string(w.segment->pid()) +
                                      "): stop that first");
    }
  }
  for (const TopicView& w : writers) {
    Result<std::unique_ptr<Node>> node =
        Node::open(domain, {.name = w.segment->node(), .remove_on_exit = false, .create = false});
    if (!node.ok()) return node.status();
    if (Status s = (*node)->remove(topic); !s.ok()) return s;
    if ((*node)->topic_count() == 0) (*node)->remove_on_exit();
  }
  return Status();
}

Status remove_dead_node(const Domain& domain, const std::string& node) {
  return OwnedSegment::remove_segment(domain.shared_folder(), node);
}

void Node::remove_on_exit() { impl_->options.remove_on_exit = true; }

Status lock_memory() {
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return Status();
  return Status::from_errno("cannot lock memory (raise the limit: ulimit -l, or LimitMEMLOCK= in the unit)",
                            errno);
}

}  // namespace smt
