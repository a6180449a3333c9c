// The state of a Reader: the writers of its topic, how far it has come with each, and the sample returned
// last. Internal to libsmt.
#ifndef SMT_SHM_READER_IMPL_H_
#define SMT_SHM_READER_IMPL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/domain.h"
#include "shm/domain_view.h"
#include "shm/pin.h"
#include "shm/quick_topic.h"
#include "shm/sample.h"
#include "shm/segment_view.h"

namespace smt {

// How long a death may go unseen.
inline constexpr std::chrono::nanoseconds kProbe = std::chrono::milliseconds(25);
// How often a name without exactly one live writer is looked at, which nobody rings for.
inline constexpr std::chrono::nanoseconds kLook = std::chrono::milliseconds(10);
// Each attempt goes for the newest sample; a writer would have to lap the ring this often in a row.
inline constexpr int kAttempts = 4096;

// The later `born` wins; of two equal ones the greater node name.
inline bool is_later(int64_t born, const std::string& node, int64_t than_born, const std::string& than_node) {
  return born != than_born ? born > than_born : node > than_node;
}

struct ReaderImpl {
  struct Writer {
    TopicView view;
    internal::Pin pin;           // of view.segment, for what is lent
    uint64_t next = 0;           // position to be read next, if the ring still holds it
    uint64_t last_sequence = 0;  // of the sample returned last: later ones that are passed over are missed
    uint64_t dead_epoch = 0;     // whose owner the last probe found dead; 0: none

    // A probe's verdict holds for one epoch: an adoption ends it.
    bool dead() const { return dead_epoch != 0 && dead_epoch == view.segment->epoch(); }
  };

  // For Writer::last_sequence: a mirrored topic that has appeared, of which none was returned yet.
  static constexpr uint64_t kNoSequence = ~uint64_t{0};

  ReaderImpl(const Domain& d, std::string_view t, ReaderOptions o)
      : domain(d), topic(t), options(std::move(o)) {}

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
  const SegmentView* last_segment = nullptr;  // whose node that is; never dereferenced
  bool compare = false;  // the next sample may come from another node than the last one: look at `born`

  int64_t opened_ns = 0;
  uint64_t missed = 0, reopened = 0, retries = 0;
  internal::QuickTopic quick;

  void resolve();
  // Once, with the writers there are when the reader is opened: what they published before is not missed.
  void begin();
  void probe();
  void refresh() {
    const uint64_t now = view_of(domain).refresh();
    if (now != changes) {
      changes = now;
      resolve();
    }
    probe();
  }
  // A writer's topic grew, went, or its segment was replaced: look it up, but not all the time.
  void moved() {
    const int64_t now = domain.clock().boottime_ns();
    if (now < reopen_after_ns) return;
    reopen_after_ns = now + 100'000'000;
    changes = ~uint64_t{0};
    refresh();
  }
  // The same topic of the same node under its next generation (it grew): no need to look the name up.
  bool follow(Writer* w);
  // Buffers for the largest value; `sample` stays.
  void make_room();
  void set_quick();
  // What lies in `spare` is the sample to return. `before`: the sequence of the one before. Returns how many
  // came between them.
  uint64_t keep(const SampleHead& head, uint64_t bytes, uint64_t before) {
    std::swap(buffer, spare);
    sample.sequence = head.sequence;
    sample.stamp_ns = head.stamp_ns;
    sample.born_ns = head.born_ns;
    sample.written_ns = head.written_ns;
    sample.missed = head.sequence > before ? head.sequence - before - 1 : 0;
    sample.bytes = {reinterpret_cast<const std::byte*>(buffer.get()), static_cast<size_t>(bytes)};
    has_sample = true;
    last_born = head.born_ns;
    return sample.missed;
  }
  // The same, and how far the reader has come with this writer. `in_order`: the gap before it counts as
  // missed.
  void adopt(size_t writer, uint64_t position, const SampleHead& head, uint64_t bytes, bool in_order);
  // `sample`, which lies at `position`, is of another writer than the one before, or of the first; `before`
  // is what last_sequence was.
  void change_writer(const Writer& w, uint64_t before, uint64_t position, bool in_order);
  // next() has not come to its newest sample.
  static bool has_new(const Writer& w) { return read_newest_head(*w.view.counter) >= w.next; }
  // Goes on to behind its newest sample; nothing before that is missed.
  static void pass_over(Writer* w);

  // Into `spare`; false: there is none, or it cannot be had.
  bool read_newest(Writer* w, SampleHead* head, uint64_t* bytes, uint64_t* position);
  // A writer has a sample that was not returned yet.
  bool has_new() const;
  // The writer whose newest sample is the latest; the first if none has any.
  size_t best_of() const;
  State now() const;
  // Of a sample, or of the newest one.
  Freshness freshness(std::optional<int64_t> born_ns) const;
  const Sample* next_of(size_t writer);
};

}  // namespace smt

#endif  // SMT_SHM_READER_IMPL_H_
