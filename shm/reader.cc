#include "shm/reader.h"

#include <algorithm>
#include <cstring>

#include "shm/bell.h"
#include "shm/ordering.h"
#include "shm/reader_impl.h"

namespace smt {

using std::chrono::nanoseconds;
Reader::Reader(std::unique_ptr<ReaderImpl> impl) : impl_(std::move(impl)), quick_(&impl_->quick) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const Domain& domain, std::string_view topic, ReaderOptions options) {
  if (Status s = check_topic_name(topic); !s.ok()) return s;
  Reader reader(std::make_unique<ReaderImpl>(domain, topic, std::move(options)));
  reader.impl_->refresh();
  reader.impl_->begin();
  reader.impl_->make_room();
  reader.impl_->reported = reader.impl_->now();
  return reader;
}

const Sample* Reader::read_latest_quickly() {
  ReaderImpl& r = *impl_;
  const internal::QuickTopic& q = r.quick;
  uint64_t at;
  SampleHead head;
  const layout::Slot* slot = q.newest(&at);
  if (slot == nullptr) [[unlikely]]
    return read_latest();
  const uint64_t bytes = load_sample_head(slot, &head);
  if (bytes > q.max_bytes) [[unlikely]]
    return read_latest();
  load_words(r.spare.get(), payload_of(slot), bytes);
  if (!q.holds(slot, at)) [[unlikely]]
    return read_latest();
  r.keep(head, bytes, *q.last_sequence);
  q.pass(at, head.sequence);
  return q.sample;
}

const Sample* Reader::read_latest() {
  ReaderImpl& r = *impl_;
  if (r.writers.empty()) return nullptr;
  size_t w = 0;
  if (r.compare) {
    w = r.best_of();
    const TopicView& view = r.writers[w].view;
    // Nothing older after something newer: rather the same again.
    const std::optional<SampleHead> head = peek_sample(view, read_newest_head(*view.counter));
    if (head && r.has_sample && is_later(r.last_born, r.last_node, head->born_ns, view.segment->node())) {
      for (auto& other : r.writers) {
        if (r.has_new(other)) r.pass_over(&other);
      }
      return &r.sample;
    }
    for (size_t i = 0; i < r.writers.size(); ++i) {
      if (i != w && r.has_new(r.writers[i])) r.pass_over(&r.writers[i]);
    }
  }
  SampleHead head;
  uint64_t bytes, position;
  if (!r.read_newest(&r.writers[w], &head, &bytes, &position)) {
    if (!r.writers[w].view.live() || r.writers[w].view.segment->retired()) r.moved();
    return nullptr;
  }
  if (r.writers[w].view.segment->retired()) [[unlikely]]
    r.moved();
  if (w < r.writers.size()) r.adopt(w, position, head, bytes, false);
  return &r.sample;
}

bool Reader::read_latest_into(void* value, size_t bytes, SampleHead* head) {
  const Sample* s = latest();
  if (s == nullptr || s->bytes.size() != bytes) return false;
  memcpy(value, s->bytes.data(), bytes);
  *head = {s->sequence, s->stamp_ns, s->born_ns, s->written_ns};
  return true;
}

const Sample* Reader::latest_fresh() {
  ReaderImpl& r = *impl_;
  const int64_t now = r.domain.clock().boottime_ns();
  if (now - r.probed_ns >= kProbe.count()) r.refresh();
  // The state first: a value read after an epoch of now is of now.
  if (r.now() != State::kFresh) return nullptr;
  const Sample* s = latest();
  return s != nullptr && r.now() == State::kFresh ? s : nullptr;
}

const Sample* Reader::next() {
  ReaderImpl& r = *impl_;
  if (r.writers.size() == 1 && !r.compare) {
    const Sample* s = r.next_of(0);
    if (s == nullptr && (!r.writers[0].view.live() || r.writers[0].view.segment->retired())) r.moved();
    return s;
  }
  // Of several, the one whose next sample is the earliest; what is earlier than the last one returned came
  // too late.
  for (int attempt = 0; attempt < kAttempts && !r.writers.empty(); ++attempt) {
    std::optional<size_t> first;
    SampleHead first_head{};
    for (size_t i = 0; i < r.writers.size(); ++i) {
      auto& w = r.writers[i];
      const uint64_t head = read_newest_head(*w.view.counter);
      if (head < w.view.first_position) continue;
      if (w.next < w.view.oldest(head)) w.next = w.view.oldest(head);
      std::optional<SampleHead> h;
      while (w.next <= head && !(h = peek_sample(w.view, w.next))) {
        if (!w.view.live()) break;
        ++w.next;
      }
      if (!h) {
        if (!w.view.live() && !r.follow(&w)) r.reopen_after_ns = std::min<int64_t>(r.reopen_after_ns, 0);
        continue;
      }
      if (!first || is_later(first_head.born_ns, r.writers[*first].view.segment->node(), h->born_ns,
                             w.view.segment->node())) {
        first = i;
        first_head = *h;
      }
    }
    if (!first) break;
    auto& w = r.writers[*first];
    if (r.has_sample && is_later(r.last_born, r.last_node, first_head.born_ns, w.view.segment->node())) {
      if (first_head.sequence > w.last_sequence) {
        r.missed += first_head.sequence - w.last_sequence;
        w.last_sequence = first_head.sequence;
      }
      ++w.next;
      continue;
    }
    if (const Sample* s = r.next_of(*first)) return s;
  }
  if (std::any_of(r.writers.begin(), r.writers.end(),
                  [](const auto& w) { return !w.view.live() || w.view.segment->retired(); })) {
    r.moved();
  }
  return nullptr;
}

Woke Reader::wait(std::chrono::nanoseconds timeout) {
  ReaderImpl& r = *impl_;
  const Clock& clock = r.domain.clock();
  const int64_t start = boottime_ns();
  for (;;) {
    if (clock.boottime_ns() - r.probed_ns >= kProbe.count() || r.writers.empty()) r.refresh();
    // The state first: one that a new sample has changed is told with that sample.
    const State state = r.now();
    if (r.has_new()) {
      r.reported = r.now();
      return Woke::kSample;
    }
    if (state != r.reported) {
      r.reported = state;
      return Woke::kState;
    }
    nanoseconds left = kProbe;
    if (timeout.count() >= 0) {
      left = std::min(left, timeout - nanoseconds(boottime_ns() - start));
      if (left.count() <= 0) return Woke::kTimeout;
    }
    const ReaderImpl::Writer* live = nullptr;
    size_t lives = 0;
    for (const auto& w : r.writers) {
      if (w.dead() || w.view.segment->closed()) continue;
      live = &w;
      ++lives;
    }
    const bool futex = lives == 1 && live->view.segment->bell() != nullptr && live->view.live();
    if (futex) {
      // The word, then the bit, then the topic again, then sleep on that word.
      const uint32_t word = read_bell_word(live->view.segment->word());
      set_bell_bits(live->view.segment->bell(), layout::kSleeperBit);
      if (!r.has_new() && r.now() == r.reported) futex_wait(live->view.segment->word(), word, left);
    } else {
      static const layout::Half never{0};
      futex_wait(&never, 0, std::min(left, kLook));
    }
    const bool moved = std::any_of(r.writers.begin(), r.writers.end(),
                                   [](const auto& w) { return !w.view.live() || w.view.segment->retired(); });
    if (!futex || moved) r.refresh();
  }
}

std::optional<Borrowed> Reader::borrow_newest() {
  ReaderImpl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const size_t i = r.best_of();
  auto& w = r.writers[i];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t at = read_newest_head(*w.view.counter);
    if (at < w.view.first_position) return std::nullopt;
    const layout::Slot* slot = w.view.slot(at);
    if (slot_holds(slot, at)) {
      Borrowed b(w.pin, slot, at, w.view.entry, w.view.generation, w.view.max_bytes);
      if (b.bytes_.size() <= w.view.max_bytes && b.valid()) {
        w.next = at + 1;
        w.last_sequence = b.head_.sequence;
        return b;
      }
    }
    if (!w.view.live() && !r.follow(&w)) {
      r.moved();
      return std::nullopt;
    }
    ++r.retries;
  }
  return std::nullopt;
}

Status Reader::refresh() {
  ReaderImpl& r = *impl_;
  r.refresh();
  if (!r.mismatch.ok()) return r.mismatch;
  if (r.writers.empty()) {
    return Status(Code::kNotFound, "no topic " + r.topic + " in " + r.domain.path());
  }
  return Status();
}

State Reader::state() const { return impl_->now(); }

std::optional<int64_t> Reader::age_ns() const {
  const ReaderImpl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const auto& w = r.writers[r.best_of()];
  if (!w.view.segment->same_time()) return std::nullopt;
  const std::optional<SampleHead> head = peek_newest(w.view);
  return head ? std::optional(age_at(r.domain.clock().boottime_ns(), head->born_ns)) : std::nullopt;
}

Freshness Reader::freshness() const { return impl_->freshness({}); }
Freshness Reader::freshness_of(int64_t born_ns) const { return impl_->freshness(born_ns); }

const std::string& Reader::topic() const { return impl_->topic; }
uint64_t Reader::missed() const { return impl_->missed; }
uint64_t Reader::reopened() const { return impl_->reopened; }
uint64_t Reader::retries() const { return impl_->retries; }

std::optional<Schema> Reader::schema() const {
  const ReaderImpl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const TopicView& v = r.writers[r.best_of()].view;
  Result<Schema> schema = v.segment->schema(v);
  if (!schema.ok()) return std::nullopt;
  return std::move(*schema);
}

const std::vector<TopicView>& Reader::writers() const { return impl_->views; }

}  // namespace smt
