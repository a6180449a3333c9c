#include "tests/hosts/timed_topics.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "shm/clock.h"

namespace smt::hosts {
namespace {

constexpr std::chrono::milliseconds kLook(1);
constexpr int64_t kRefreshNs = 20'000'000;

// Every step is one to one, so no single word can change without changing the end.
uint64_t proof(std::span<const uint64_t> words) {
  uint64_t h = 0x9E3779B97F4A7C15;
  for (const uint64_t w : words) {
    h = (h ^ w) * 0xD6E8FEB86659FD93;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace

TimedSource::TimedSource(const Domain& domain, const std::vector<TimedTopic>& topics, const std::string& node,
                         uint64_t segment_bytes)
    : node_(storm::must(Node::open(domain, {.name = node, .segment_bytes = segment_bytes}))) {
  for (const TimedTopic& t : topics) {
    const auto words = static_cast<uint32_t>(t.bytes / 8);
    Publisher publisher = storm::must(node_->advertise(
        {.name = t.name, .schema = Schema::scalar(Type::kU64, words), .history = t.history}));
    // Not all at the same moment.
    const auto phase = static_cast<int64_t>(storm::random_below(static_cast<uint64_t>(t.period_ns)));
    out_.emplace_back(
        new Out{t, std::move(publisher), std::vector<uint64_t>(words), boottime_ns() + phase, {}});
  }
  thread_ = std::thread([this] { run(); });
}

void TimedSource::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void TimedSource::publish(Out* out) {
  std::vector<uint64_t>& v = out->value;
  const uint64_t n = out->published + 1;
  for (size_t i = 1; i + 1 < v.size(); ++i) v[i] = n * 0x9E3779B97F4A7C15 + i;
  v[0] = static_cast<uint64_t>(boottime_ns());
  if (v.size() > 1) v.back() = proof(std::span(v).first(v.size() - 1));
  storm::must(out->publisher.publish(std::as_bytes(std::span(v))));
  out->published = n;
}

void TimedSource::run() {
  while (!stop_) {
    int64_t next_ns = INT64_MAX;
    for (const std::unique_ptr<Out>& out : out_) {
      if (out->due_ns <= boottime_ns()) {
        publish(out.get());
        // Late by more than a period: what was missed is not made up for.
        out->due_ns = std::max(out->due_ns + out->topic.period_ns, boottime_ns() - out->topic.period_ns);
      }
      next_ns = std::min(next_ns, out->due_ns);
    }
    storm::elapse(std::chrono::nanoseconds(std::clamp<int64_t>(next_ns - boottime_ns(), 0, 50'000'000)));
  }
}

Watch::Watch(const Domain& domain, const std::vector<TimedTopic>& topics) : begun_ns_(boottime_ns()) {
  for (const TimedTopic& t : topics) {
    in_.push_back({storm::must(Reader::open(domain, t.name)), t.bytes, {}});
  }
  thread_ = std::thread([this] { run(); });
}

void Watch::begin(uint64_t* last_count) {
  const std::lock_guard lock(mutex_);
  if (last_count != nullptr) *last_count = in_.back().arrivals.count;
  begun_ns_ = boottime_ns();
  for (In& in : in_) {
    Arrivals& a = in.arrivals;
    Arrivals anew;
    anew.sequence = a.sequence;
    anew.arrived_ns = a.arrived_ns;
    anew.published_ns = a.published_ns;
    anew.stamp_ns = a.stamp_ns;
    a = anew;
  }
}

void Watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    if (ended_ns_ == 0) ended_ns_ = boottime_ns();
  }
  if (thread_.joinable()) thread_.join();
}

void Watch::on_sample(Seen seen) {
  const std::lock_guard lock(mutex_);
  seen_ = std::move(seen);
}

void Watch::take(size_t topic, const Sample& sample) {
  In& in = in_[topic];
  Arrivals& a = in.arrivals;
  std::vector<uint64_t> words(sample.bytes.size() / 8);
  memcpy(words.data(), sample.bytes.data(), words.size() * 8);
  const bool whole = sample.bytes.size() == in.bytes &&
                     (words.size() == 1 || proof(std::span(words).first(words.size() - 1)) == words.back());
  ++a.count;
  a.wrong += !whole;
  a.back += sample.sequence <= a.sequence;
  const int64_t published_ns = static_cast<int64_t>(words.empty() ? 0 : words[0]);
  a.ages.add(sample.written_ns - published_ns);
  a.age_error_ns = std::max(a.age_error_ns, std::abs(sample.born_ns - published_ns));
  a.max_gap_ns = std::max(a.max_gap_ns, sample.written_ns - std::max(a.arrived_ns, begun_ns_));
  a.sequence = sample.sequence;
  a.arrived_ns = sample.written_ns;
  a.published_ns = published_ns;
  a.stamp_ns = sample.stamp_ns;
  if (seen_) seen_(topic, a);
}

void Watch::run() {
  int64_t refreshed_ns = 0;
  for (;; storm::elapse(kLook)) {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    const bool refresh = boottime_ns() - refreshed_ns > kRefreshNs;
    if (refresh) refreshed_ns = boottime_ns();
    for (size_t i = 0; i < in_.size(); ++i) {
      if (refresh) (void)in_[i].reader.refresh();
      while (const Sample* sample = in_[i].reader.next()) take(i, *sample);
    }
  }
}

Arrivals Watch::of(size_t first, size_t last) const {
  const std::lock_guard lock(mutex_);
  Arrivals all;
  for (size_t i = first; i < last; ++i) {
    const Arrivals& a = in_[i].arrivals;
    all.count += a.count;
    all.wrong += a.wrong;
    all.back += a.back;
    all.ages.add(a.ages);
    const int64_t now_ns = ended_ns_ != 0 ? ended_ns_ : boottime_ns();
    all.max_gap_ns = std::max({all.max_gap_ns, a.max_gap_ns, now_ns - std::max(a.arrived_ns, begun_ns_)});
    all.age_error_ns = std::max(all.age_error_ns, a.age_error_ns);
    all.sequence = a.sequence;
    all.arrived_ns = a.arrived_ns;
    all.published_ns = a.published_ns;
    all.stamp_ns = a.stamp_ns;
  }
  return all;
}

Arrivals Watch::of(size_t topic) const { return of(topic, topic + 1); }

State Watch::state(size_t topic) const {
  const std::lock_guard lock(mutex_);
  return in_[topic].reader.state();
}

bool Watch::all_have(uint64_t count) const {
  const std::lock_guard lock(mutex_);
  return std::all_of(in_.begin(), in_.end(), [&](const In& in) { return in.arrivals.count >= count; });
}

}  // namespace smt::hosts
