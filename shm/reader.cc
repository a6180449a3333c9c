#include "shm/reader.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "shm/bell.h"
#include "shm/domain_state.h"

namespace smt {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// How long a death may go unseen, and how often a name without exactly one live writer is looked at.
constexpr nanoseconds kProbe = milliseconds(40);
constexpr nanoseconds kLook = milliseconds(10);
// Each attempt goes for the newest sample; a writer would have to lap the ring this often in a row.
constexpr int kAttempts = 4096;

struct Writer {
  TopicView view;
  uint64_t next = 0;           // position to be read next; 0: from the oldest
  uint64_t last_sequence = 0;  // of the sample returned last
  bool dead = false;           // as of the last probe
};

// The later `born` wins; of two equal ones the greater node name.
bool Later(int64_t born, const std::string& node, int64_t than_born, const std::string& than_node) {
  return born != than_born ? born > than_born : node > than_node;
}

}  // namespace

struct Reader::Impl {
  Impl(const Domain& d, std::string_view t, ReaderOptions o) : domain(d), topic(t), options(std::move(o)) {}

  Domain domain;
  std::string topic;
  ReaderOptions options;

  std::vector<Writer> writers;
  std::vector<TopicView> views;  // of `writers`, for callers
  Status mismatch;
  bool was_there = false;  // the topic has been found before: it is removed now, not unknown
  uint64_t changes = ~uint64_t{0};
  int64_t probed_ns = 0;
  int64_t reopen_after_ns = 0;
  State reported = State::kEmpty;

  // `sample` points into `buffer`; reading goes into `spare`, and they change places when a sample is good.
  std::unique_ptr<uint64_t[]> buffer, spare;
  uint64_t room = 0;
  Sample sample;
  bool has_sample = false;
  int64_t last_born = 0;
  std::string last_node;
  bool compare = false;  // the next sample may come from another node than the last one: look at `born`

  uint64_t missed = 0, reopened = 0, retries = 0;
  internal::QuickTopic quick;

  void Resolve();
  void Probe();
  void Refresh() {
    const uint64_t now = domain.state().view.refresh();
    if (now != changes) {
      changes = now;
      Resolve();
    }
    Probe();
  }
  // A writer's topic grew, went, or its segment was replaced: look it up, but not all the time.
  void Moved() {
    const int64_t now = domain.clock().boottime_ns();
    if (now < reopen_after_ns) return;
    reopen_after_ns = now + nanoseconds(milliseconds(100)).count();
    changes = ~uint64_t{0};
    Refresh();
  }
  // The same topic of the same node under its next generation (it grew): no need to look the name up.
  bool Follow(Writer* w);
  void MakeRoom();
  void SetQuick();
  void Adopt(size_t writer, uint64_t position, const SampleHead& head, uint64_t bytes, bool in_order);

  bool ReadNewest(Writer* w, void* to, SampleHead* head, uint64_t* bytes, uint64_t* position);
  std::optional<SampleHead> PeekHead(const Writer& w, uint64_t position) const;
  bool HasNew() const;
  size_t Best() const;
  State StateOf(size_t writer) const;
  State Now() const;
  const Sample* NextOf(size_t writer);
};

void Reader::Impl::Resolve() {
  std::vector<TopicView> found = domain.state().view.find(topic);
  std::vector<Writer> fresh;
  mismatch = Status();
  for (TopicView& v : found) {
    if (options.schema && v.schema_hash != options.schema->hash()) {
      Result<Schema> schema = v.segment->schema(v);
      if (schema.ok()) {
        mismatch = Status(Code::kMismatch, "topic " + topic + " of node " + v.segment->node() +
                                               " has another type\n" + SchemaDiff(*options.schema, *schema));
      } else {
        mismatch = schema.status();
      }
      continue;
    }
    Writer w;
    w.view = std::move(v);
    w.last_sequence = w.view.first_sequence - 1;
    for (const Writer& old : writers) {
      if (old.view.segment->node() != w.view.segment->node()) continue;
      if (old.view.segment->id() != w.view.segment->id()) {
        ++reopened;
      } else if (old.view.index == w.view.index && w.view.first_position <= old.next) {
        // Goes on, perhaps under a later generation.
        w.next = old.next;
        if (w.view.first_sequence <= old.last_sequence) w.last_sequence = old.last_sequence;
      }
    }
    fresh.push_back(std::move(w));
  }
  // A replaced segment whose successor has not the topic yet: the last value stays.
  for (Writer& old : writers) {
    const bool again = std::any_of(found.begin(), found.end(), [&](const TopicView& v) {
      return v.segment != nullptr && v.segment->node() == old.view.segment->node();
    });
    const bool replaced = std::any_of(fresh.begin(), fresh.end(), [&](const Writer& w) {
      return w.view.segment->node() == old.view.segment->node();
    });
    if (!again && !replaced && old.view.segment->retired() && old.view.live())
      fresh.push_back(std::move(old));
  }
  writers = std::move(fresh);
  views.clear();
  for (const Writer& w : writers) views.push_back(w.view);
  if (!writers.empty()) was_there = true;
  compare =
      writers.size() > 1 || (has_sample && !writers.empty() && writers[0].view.segment->node() != last_node);
  MakeRoom();
  SetQuick();
}

void Reader::Impl::Probe() {
  probed_ns = domain.clock().boottime_ns();
  for (Writer& w : writers) w.dead = !w.view.segment->owner_alive();
}

bool Reader::Impl::Follow(Writer* w) {
  if (w->view.segment->retired()) return false;
  std::optional<TopicView> v = w->view.segment->topic(w->view.index);
  if (!v || v->name != topic || v->schema_hash != w->view.schema_hash ||
      v->first_position != w->view.first_position) {
    return false;
  }
  w->view = std::move(*v);
  views[static_cast<size_t>(w - writers.data())] = w->view;
  MakeRoom();
  SetQuick();
  return true;
}

void Reader::Impl::MakeRoom() {
  uint64_t need = 8;
  for (const Writer& w : writers) need = std::max(need, layout::AlignUp(w.view.max_bytes, 8));
  if (need <= room) return;
  auto bigger = std::make_unique<uint64_t[]>(need / 8);
  if (has_sample) {
    memcpy(bigger.get(), sample.bytes.data(), sample.bytes.size());
    sample.bytes = {reinterpret_cast<const std::byte*>(bigger.get()), sample.bytes.size()};
  }
  buffer = std::move(bigger);
  spare = std::make_unique<uint64_t[]>(need / 8);
  room = need;
}

void Reader::Impl::SetQuick() {
  quick = {};
  if (writers.size() != 1 || compare || writers[0].view.variable) return;
  const TopicView& v = writers[0].view;
  quick = {v.max_bytes,
           v.counter,
           v.entry,
           v.segment->retired_flag(),
           v.ring,
           v.slot_count - 1,
           v.slot_stride,
           v.first_position,
           v.generation,
           &writers[0].next,
           &writers[0].last_sequence};
}

// The sample in `spare` is the one to return.
void Reader::Impl::Adopt(size_t writer, uint64_t position, const SampleHead& head, uint64_t bytes,
                         bool in_order) {
  Writer& w = writers[writer];
  std::swap(buffer, spare);
  const bool later = head.sequence > w.last_sequence;
  const uint64_t gap = later ? head.sequence - w.last_sequence - 1 : 0;
  sample.sequence = head.sequence;
  sample.stamp_ns = head.stamp_ns;
  sample.born_ns = head.born_ns;
  sample.written_ns = head.written_ns;
  sample.missed = gap;
  sample.bytes = {reinterpret_cast<const std::byte*>(buffer.get()), bytes};
  has_sample = true;
  if (in_order) missed += gap;
  w.last_sequence = head.sequence;
  w.next = position + 1;
  last_born = head.born_ns;
  if (last_node != w.view.segment->node()) last_node = w.view.segment->node();
  if (compare && writers.size() == 1) {
    compare = false;
    SetQuick();
  }
}

bool Reader::Impl::ReadNewest(Writer* w, void* to, SampleHead* head, uint64_t* bytes, uint64_t* position) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t at = LoadHead(*w->view.counter);
    if (at < w->view.first_position) return false;
    const SlotRead read = ReadSlot(w->view, at, head, to, bytes);
    if (read == SlotRead::kOk) {
      *position = at;
      return true;
    }
    if (read == SlotRead::kDamaged) return false;
    if (!w->view.live()) {
      if (!Follow(w)) return false;
      to = to == nullptr ? nullptr : spare.get();
      continue;
    }
    ++retries;
  }
  return false;
}

std::optional<SampleHead> Reader::Impl::PeekHead(const Writer& w, uint64_t position) const {
  const layout::Slot* slot = w.view.slot(position);
  SampleHead head;
  if (!SlotHolds(slot, position)) return std::nullopt;
  LoadSampleHead(slot, &head);
  if (!StillHolds(slot, position, w.view.entry, w.view.generation)) return std::nullopt;
  return head;
}

bool Reader::Impl::HasNew() const {
  return std::any_of(writers.begin(), writers.end(), [](const Writer& w) {
    const uint64_t head = LoadHead(*w.view.counter);
    return head >= w.view.first_position && head >= w.next;
  });
}

// The writer whose newest sample is the latest; with equal claims (or none) the first.
size_t Reader::Impl::Best() const {
  size_t best = 0;
  std::optional<SampleHead> best_head;
  for (size_t i = 0; i < writers.size(); ++i) {
    std::optional<SampleHead> head;
    for (int attempt = 0; !head && attempt < 64; ++attempt) {
      const uint64_t at = LoadHead(*writers[i].view.counter);
      if (at < writers[i].view.first_position || !writers[i].view.live()) break;
      head = PeekHead(writers[i], at);
    }
    if (!head) continue;
    if (!best_head || Later(head->born_ns, writers[i].view.segment->node(), best_head->born_ns,
                            writers[best].view.segment->node())) {
      best = i;
      best_head = head;
    }
  }
  return best;
}

State Reader::Impl::StateOf(size_t writer) const {
  const Writer& w = writers[writer];
  return w.view.segment->state(w.view, w.dead, domain.clock().boottime_ns(), options.max_age_ns.value_or(-1));
}

State Reader::Impl::Now() const {
  if (writers.empty()) return was_there ? State::kRemoved : State::kEmpty;
  return StateOf(writers.size() == 1 ? 0 : Best());
}

const Sample* Reader::Impl::NextOf(size_t writer) {
  Writer& w = writers[writer];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t head = LoadHead(*w.view.counter);
    if (head < w.view.first_position) return nullptr;
    const uint64_t oldest = w.view.oldest(head);
    if (w.next < oldest) w.next = oldest;
    if (w.next > head) return nullptr;
    SampleHead sample_head;
    uint64_t bytes;
    const SlotRead read = ReadSlot(w.view, w.next, &sample_head, spare.get(), &bytes);
    if (read == SlotRead::kOk) {
      Adopt(writer, w.next, sample_head, bytes, true);
      return &sample;
    }
    if (!w.view.live()) {
      if (!Follow(&w)) return nullptr;
      continue;
    }
    ++retries;
    ++w.next;  // overwritten, or left half-written by a writer that died
  }
  return nullptr;
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), quick_(&impl_->quick) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const Domain& domain, std::string_view topic, ReaderOptions options) {
  if (Status s = CheckTopicName(topic); !s.ok()) return s;
  Reader reader(std::make_unique<Impl>(domain, topic, std::move(options)));
  reader.impl_->Refresh();
  reader.impl_->MakeRoom();
  reader.impl_->reported = reader.impl_->Now();
  return reader;
}

const Sample* Reader::latest() {
  Impl& r = *impl_;
  if (r.writers.empty()) return nullptr;
  size_t w = 0;
  if (r.compare) {
    w = r.Best();
    const TopicView& view = r.writers[w].view;
    // Nothing older after something newer: rather the same again.
    const std::optional<SampleHead> head = r.PeekHead(r.writers[w], LoadHead(*view.counter));
    if (head && r.has_sample && Later(r.last_born, r.last_node, head->born_ns, view.segment->node())) {
      for (Writer& other : r.writers) other.next = LoadHead(*other.view.counter) + 1;
      return &r.sample;
    }
    for (size_t i = 0; i < r.writers.size(); ++i) {
      if (i != w) r.writers[i].next = LoadHead(*r.writers[i].view.counter) + 1;
    }
  }
  SampleHead head;
  uint64_t bytes, position;
  if (!r.ReadNewest(&r.writers[w], r.spare.get(), &head, &bytes, &position)) {
    if (!r.writers[w].view.live() || r.writers[w].view.segment->retired()) r.Moved();
    return nullptr;
  }
  if (r.writers[w].view.segment->retired()) [[unlikely]]
    r.Moved();
  if (w < r.writers.size()) r.Adopt(w, position, head, bytes, false);
  return &r.sample;
}

bool Reader::LatestInto(void* value, size_t bytes, SampleHead* head) {
  const Sample* s = latest();
  if (s == nullptr || s->bytes.size() != bytes) return false;
  memcpy(value, s->bytes.data(), bytes);
  *head = {s->sequence, s->stamp_ns, s->born_ns, s->written_ns};
  return true;
}

const Sample* Reader::latest_fresh() {
  Impl& r = *impl_;
  const int64_t now = r.domain.clock().boottime_ns();
  if (now - r.probed_ns >= kProbe.count()) r.Refresh();
  // The state first: a value read after an epoch of now is of now.
  if (r.Now() != State::kFresh) return nullptr;
  const Sample* s = latest();
  return s != nullptr && r.Now() == State::kFresh ? s : nullptr;
}

const Sample* Reader::next() {
  Impl& r = *impl_;
  if (r.writers.size() == 1 && !r.compare) {
    const Sample* s = r.NextOf(0);
    if (s == nullptr && (!r.writers[0].view.live() || r.writers[0].view.segment->retired())) r.Moved();
    return s;
  }
  // Of several, the one whose next sample is the earliest; what is earlier than the last one returned came
  // too late.
  for (int attempt = 0; attempt < kAttempts && !r.writers.empty(); ++attempt) {
    std::optional<size_t> first;
    SampleHead first_head{};
    for (size_t i = 0; i < r.writers.size(); ++i) {
      Writer& w = r.writers[i];
      const uint64_t head = LoadHead(*w.view.counter);
      if (head < w.view.first_position) continue;
      if (w.next < w.view.oldest(head)) w.next = w.view.oldest(head);
      std::optional<SampleHead> h;
      while (w.next <= head && !(h = r.PeekHead(w, w.next))) {
        if (!w.view.live()) break;
        ++w.next;
      }
      if (!h) {
        if (!w.view.live() && !r.Follow(&w)) r.reopen_after_ns = std::min<int64_t>(r.reopen_after_ns, 0);
        continue;
      }
      if (!first || Later(first_head.born_ns, r.writers[*first].view.segment->node(), h->born_ns,
                          w.view.segment->node())) {
        first = i;
        first_head = *h;
      }
    }
    if (!first) break;
    Writer& w = r.writers[*first];
    if (r.has_sample && Later(r.last_born, r.last_node, first_head.born_ns, w.view.segment->node())) {
      ++r.missed;
      w.last_sequence = std::max(w.last_sequence, first_head.sequence);
      ++w.next;
      continue;
    }
    if (const Sample* s = r.NextOf(*first)) return s;
  }
  if (std::any_of(r.writers.begin(), r.writers.end(),
                  [](const Writer& w) { return !w.view.live() || w.view.segment->retired(); })) {
    r.Moved();
  }
  return nullptr;
}

Woke Reader::wait(std::chrono::nanoseconds timeout) {
  Impl& r = *impl_;
  const Clock& clock = r.domain.clock();
  const int64_t start = BoottimeNs();
  for (;;) {
    if (clock.boottime_ns() - r.probed_ns >= kProbe.count() || r.writers.empty()) r.Refresh();
    // The state first: one that a new sample has changed is told with that sample.
    const State state = r.Now();
    if (r.HasNew()) {
      r.reported = r.Now();
      return Woke::kSample;
    }
    if (state != r.reported) {
      r.reported = state;
      return Woke::kState;
    }
    nanoseconds left = kProbe;
    if (timeout.count() >= 0) {
      left = std::min(left, timeout - nanoseconds(BoottimeNs() - start));
      if (left.count() <= 0) return Woke::kTimeout;
    }
    const Writer* live = nullptr;
    size_t lives = 0;
    for (const Writer& w : r.writers) {
      if (w.dead || w.view.segment->closed()) continue;
      live = &w;
      ++lives;
    }
    const bool futex = lives == 1 && live->view.segment->bell() != nullptr && live->view.live();
    if (futex) {
      // BELL-R: the word, then the bit, then the topic again, then sleep on that word.
      const uint32_t word = live->view.segment->word()->load(std::memory_order_seq_cst);
      live->view.segment->bell()->fetch_or(layout::kSleeperBit, std::memory_order_seq_cst);
      if (!r.HasNew() && r.Now() == r.reported) FutexWait(live->view.segment->word(), word, left);
    } else {
      static const layout::Half never{0};
      FutexWait(&never, 0, std::min(left, kLook));
    }
    const bool moved = std::any_of(r.writers.begin(), r.writers.end(), [](const Writer& w) {
      return !w.view.live() || w.view.segment->retired();
    });
    if (!futex || moved) r.Refresh();
  }
}

std::optional<Borrowed> Reader::borrow() {
  Impl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const size_t i = r.writers.size() == 1 ? 0 : r.Best();
  Writer& w = r.writers[i];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t at = LoadHead(*w.view.counter);
    if (at < w.view.first_position) return std::nullopt;
    const layout::Slot* slot = w.view.slot(at);
    Borrowed b;
    if (SlotHolds(slot, at)) {
      const uint64_t bytes = LoadSampleHead(slot, &b.head_);
      if (bytes <= w.view.max_bytes) {
        if constexpr (kThreadSanitizer) {
          b.copy_.resize(bytes);
          LoadWords(b.copy_.data(), Payload(slot), bytes);
          b.bytes_ = b.copy_;
        } else {
          b.bytes_ = {reinterpret_cast<const std::byte*>(Payload(slot)), bytes};
        }
        if (StillHolds(slot, at, w.view.entry, w.view.generation)) {
          b.view_ = w.view;
          b.position_ = at;
          w.next = at + 1;
          w.last_sequence = b.head_.sequence;
          return b;
        }
      }
    }
    if (!w.view.live() && !r.Follow(&w)) {
      r.Moved();
      return std::nullopt;
    }
    ++r.retries;
  }
  return std::nullopt;
}

bool Borrowed::valid() const {
  return StillHolds(view_.slot(position_), position_, view_.entry, view_.generation);
}

Status Reader::refresh() {
  Impl& r = *impl_;
  r.Refresh();
  if (!r.mismatch.ok()) return r.mismatch;
  if (r.writers.empty()) {
    return Status(Code::kNotFound, "no topic " + r.topic + " in " + r.domain.path());
  }
  return Status();
}

State Reader::state() const { return impl_->Now(); }

std::optional<int64_t> Reader::age_ns() const {
  const Impl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const Writer& w = r.writers[r.writers.size() == 1 ? 0 : r.Best()];
  if (!w.view.segment->same_time()) return std::nullopt;
  for (int attempt = 0; attempt < 64 && w.view.live(); ++attempt) {
    const uint64_t at = LoadHead(*w.view.counter);
    if (at < w.view.first_position) return std::nullopt;
    if (std::optional<SampleHead> head = r.PeekHead(w, at))
      return r.domain.clock().boottime_ns() - head->born_ns;
  }
  return std::nullopt;
}

Freshness Reader::freshness() const {
  const Impl& r = *impl_;
  Freshness f;
  f.state = r.Now();
  f.missed = r.missed;
  f.age_ns = age_ns();
  if (r.writers.empty()) return f;
  const TopicView& v = r.writers[r.writers.size() == 1 ? 0 : r.Best()].view;
  f.max_age_ns = r.options.max_age_ns.value_or(v.segment->max_age_ns(v));
  f.hops = v.hops;
  f.origin = v.segment->origin(v);
  if (f.origin.domain.empty() && v.origin_offset == 0) f.origin.domain = r.domain.name();
  return f;
}

const std::string& Reader::topic() const { return impl_->topic; }
uint64_t Reader::missed() const { return impl_->missed; }
uint64_t Reader::reopened() const { return impl_->reopened; }
uint64_t Reader::retries() const { return impl_->retries; }

std::optional<Schema> Reader::schema() const {
  const Impl& r = *impl_;
  if (r.writers.empty()) return std::nullopt;
  const TopicView& v = r.writers[r.writers.size() == 1 ? 0 : r.Best()].view;
  Result<Schema> schema = v.segment->schema(v);
  if (!schema.ok()) return std::nullopt;
  return std::move(*schema);
}

const std::vector<TopicView>& Reader::writers() const { return impl_->views; }

}  // namespace smt
