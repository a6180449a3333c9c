#include "relay/shm_sink.h"

#include <algorithm>

namespace smt::relay {

namespace {

// How long readers believe the mirror without hearing of this process.
constexpr int64_t kAliveNs = 600'000'000;
constexpr int64_t kLookForMirrorsNs = 100'000'000;
constexpr std::string_view kMirrorPrefix = "mirror-";

}  // namespace

ShmSink::ShmSink(const Domain& domain, const ShmStoreOptions& options, std::unique_ptr<Node> node)
    : domain_(domain), options_(options), node_(std::move(node)) {}

Result<std::unique_ptr<ShmSink>> ShmSink::open(const Domain& domain, const ShmStoreOptions& options) {
  NodeOptions node;
  node.name = std::string(kMirrorPrefix) + options.mirror;
  node.segment_bytes = options.segment_bytes;
  node.remove_on_exit = options.remove_on_exit;
  node.mirror = true;
  Result<std::unique_ptr<Node>> opened = Node::open(domain, node);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<ShmSink>(new ShmSink(domain, options, std::move(*opened)));
}

void ShmSink::LookForOtherMirrors() {
  const int64_t now = domain_.clock().boottime_ns();
  if (others_seen_ns_ != 0 && now - others_seen_ns_ < kLookForMirrorsNs) return;
  others_seen_ns_ = now;
  const Result<std::vector<std::string>> nodes = domain_.nodes();
  if (!nodes.ok()) return;
  std::erase_if(others_, [&](const auto& other) {
    return other.second.view->retired() || !std::binary_search(nodes->begin(), nodes->end(), other.first);
  });
  for (const std::string& name : *nodes) {
    if (!name.starts_with(kMirrorPrefix) || name == node_->name() || others_.count(name) != 0) continue;
    Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain_, name);
    if (view.ok()) others_[name].view = std::move(*view);
  }
  for (auto& [name, other] : others_) {
    const uint64_t version = other.view->directory_version();
    if (version == other.directory_version) continue;
    other.directory_version = version;
    other.topics.clear();
    for (uint32_t i = 0; i < other.view->topic_limit(); ++i) {
      if (std::optional<TopicView> topic = other.view->topic(i)) other.topics.insert(std::move(topic->name));
    }
  }
}

Status ShmSink::CheckOtherMirrors(const std::string& topic) {
  LookForOtherMirrors();
  for (const auto& [name, other] : others_) {
    if (other.topics.count(topic) == 0 || !other.view->owner_alive()) continue;
    return Status(Code::kInUse, "topic " + topic + " is mirrored by node " + name + " (pid " +
                                    std::to_string(other.view->pid()) + " on " + other.view->host() +
                                    ") already: give one of the two relays a --prefix");
  }
  return Status();
}

Result<uint32_t> ShmSink::open_topic(const TopicDescription& topic) {
  if (Status s = CheckOtherMirrors(topic.name); !s.ok()) return s;
  Result<Schema> schema = Schema::FromText(*topic.schema);
  if (!schema.ok()) return schema.status();
  TopicOptions o;
  o.name = topic.name;
  o.schema = std::move(*schema);
  o.max_bytes = o.schema.size != 0 ? o.schema.size : topic.max_bytes;
  o.history = topic.history;
  o.max_age_ns = options_.max_age_ns.value_or(topic.max_age_ns);
  o.origin = topic.origin;
  o.hops = topic.hops;
  o.first_sequence = topic.first_sequence;

  const auto known = by_name_.find(topic.name);
  uint32_t handle;
  if (known != by_name_.end()) {
    handle = known->second;
    topics_[handle].loan.reset();
    topics_[handle].publisher.reset();
  } else if (!free_.empty()) {
    handle = free_.back();
  } else {
    handle = static_cast<uint32_t>(topics_.size());
    topics_.emplace_back();
    free_.push_back(handle);
  }
  Result<Publisher> publisher = node_->advertise(o);
  if (!publisher.ok() && publisher.status().code() == Code::kNoSpace && o.history > 4) {
    o.history = 4;  // the source has more memory: its latest values are worth more than none
    publisher = node_->advertise(o);
  }
  if (!publisher.ok()) {
    if (known != by_name_.end()) remove(handle);
    return publisher.status();
  }
  if (known == by_name_.end()) free_.pop_back();
  by_name_[topic.name] = handle;
  Topic& t = topics_[handle];
  t.name = topic.name;
  t.publisher.emplace(std::move(*publisher));
  t.sequence = t.publisher->sequence();
  t.confirmed = false;
  t.told = State::kEmpty;
  t.publisher->set_state(t.told);
  return handle;
}

Put ShmSink::Done(Topic* t, const Status& published, uint64_t sequence) {
  if (!published.ok()) return Put::kRefused;
  t->sequence = sequence;
  t->confirmed = true;
  return Put::kTaken;
}

Put ShmSink::put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value) {
  Topic& t = topics_[handle];
  t.loan.reset();
  if (head.sequence < t.sequence) return Put::kOld;
  if (head.sequence == t.sequence) {
    if (!t.confirmed) t.publisher->confirm();
    t.confirmed = true;
    return Put::kConfirmed;
  }
  if (!burst_) burst_.emplace();
  return Done(&t, burst_->publish(*t.publisher, value, head), head.sequence);
}

std::span<std::byte> ShmSink::loan(uint32_t handle, uint64_t bytes) {
  Topic& t = topics_[handle];
  t.loan.reset();
  Result<Loan> loan = t.publisher->loan(bytes);
  if (!loan.ok()) return {};
  t.loan.emplace(std::move(*loan));
  t.loan_bytes = bytes;
  return t.loan->bytes();
}

Put ShmSink::commit(uint32_t handle, const SampleHead& head) {
  Topic& t = topics_[handle];
  if (!t.loan) return Put::kRefused;
  if (head.sequence <= t.sequence) {
    const bool same = head.sequence == t.sequence;
    t.loan.reset();
    if (same && !t.confirmed) t.publisher->confirm();
    t.confirmed = t.confirmed || same;
    return same ? Put::kConfirmed : Put::kOld;
  }
  t.loan->commit(head, t.loan_bytes);
  t.loan.reset();
  return Done(&t, Status(), head.sequence);
}

void ShmSink::tell_state(uint32_t handle, State state) {
  Topic& t = topics_[handle];
  if (t.told == state || !t.publisher) return;
  t.told = state;
  t.publisher->set_state(state);
}

void ShmSink::remove(uint32_t handle) {
  Topic& t = topics_[handle];
  if (t.name.empty()) return;
  by_name_.erase(t.name);
  const std::string name = std::move(t.name);
  t = Topic();
  (void)node_->remove(name);  // kNotFound: it could not be advertised
  free_.push_back(handle);
}

void ShmSink::flush(int64_t now_ns) {
  burst_.reset();
  node_->keep_alive(now_ns + kAliveNs);
}

}  // namespace smt::relay
