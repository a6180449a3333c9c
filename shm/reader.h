// Reading one topic by name, whoever publishes it. Reading takes no lock and leaves no trace in the writer's
// memory, but for the bell that wait() sets.
#ifndef SMT_SHM_READER_H_
#define SMT_SHM_READER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shm/domain.h"
#include "shm/freshness.h"
#include "shm/ordering.h"
#include "shm/pin.h"
#include "shm/quick_topic.h"
#include "shm/sample.h"
#include "shm/schema.h"
#include "shm/segment_view.h"
#include "shm/status.h"

namespace smt {

struct ReaderImpl;

enum class Woke {
  kSample,  // there is a sample newer than the last one returned
  kState,   // the state changed (source died or came back, link down, stale, removed, ...)
  kTimeout,
};

// A value where it lies in shared memory. What was read from it counts only if valid() afterwards. It may
// outlive its reader, the writer and the file of the segment. It and its copies belong to the thread of their
// reader: one thread at a time for all of them.
class Borrowed {
 public:
  std::span<const std::byte> bytes() const { return bytes_; }
  const SampleHead& head() const { return head_; }
  // The bytes have not been written over up to now.
  bool valid() const { return still_holds(slot_, position_, entry_, generation_); }

 private:
  friend class Reader;
  // REQUIRES: slot_holds(slot, position). Head and size are believed only if valid() and not above
  // `max_bytes`.
  Borrowed(const internal::Pin& pin, const layout::Slot* slot, uint64_t position, const layout::Entry* entry,
           uint64_t generation, [[maybe_unused]] uint64_t max_bytes)
      : pin_(pin), slot_(slot), entry_(entry), generation_(generation), position_(position) {
    const uint64_t bytes = load_sample_head(slot, &head_);
    bytes_ = {reinterpret_cast<const std::byte*>(payload_of(slot)), static_cast<size_t>(bytes)};
#ifdef SMT_THREAD_SANITIZER
    if (bytes > max_bytes) return;
    copy_ = std::make_shared<std::byte[]>(bytes);
    load_words(copy_.get(), payload_of(slot), bytes);
    bytes_ = {copy_.get(), static_cast<size_t>(bytes)};
#endif
  }

  internal::Pin pin_;  // keeps the memory mapped
  const layout::Slot* slot_;
  const layout::Entry* entry_;
  uint64_t generation_, position_;
  SampleHead head_;
  std::span<const std::byte> bytes_;
#ifdef SMT_THREAD_SANITIZER
  std::shared_ptr<std::byte[]> copy_;  // see LAYOUT.md
#endif
};

// One thread at a time. The topic need not exist yet; it is looked up when the reader is made, in refresh()
// and inside wait(). With several writers the sample with the later `born` wins (tie: the greater node name),
// and no sample is returned after a later one.
class Reader {
 public:
  // kInvalid: bad topic name.
  static Result<Reader> open(const Domain& domain, std::string_view topic, ReaderOptions options = {});
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  // The newest sample if the topic is fresh, else null. Asks the kernel for the writer's life at most every
  // 25 ms.
  const Sample* latest_fresh();

  // The newest sample, whatever its state; null if there is none. No system call.
  const Sample* latest() { return quick_->sample != nullptr ? read_latest_quickly() : read_latest(); }

  // The samples in order, each once; null: none yet. ReaderOptions::begin names the first one of a topic that
  // is there when the reader is opened; of a topic that appears later it is the oldest that the ring holds.
  // Sample::missed tells how many came between the sample returned before and this one; for the first one it
  // tells how many were published after the reader was opened and before that sample. Of a mirrored topic
  // that appears later a reader cannot tell that: if its first sample is older than the reader, or the
  // reader begins with kNewest or kFirst, nothing counts that did not come into the mirror; else all counts
  // since the source's first sample. latest() and next() share the place they have come to.
  const Sample* next();

  // Blocks until there is a sample newer than the last one returned, the state has changed, or time is up.
  // Negative: no limit. The sample is then taken with next() or latest().
  Woke wait(std::chrono::nanoseconds timeout);

  // The newest value in place, for values too large to copy. Nothing if there is none.
  std::optional<Borrowed> borrow() {
    const internal::QuickTopic& q = *quick_;
    uint64_t at;
    if (q.max_bytes != 0) [[likely]] {
      if (const layout::Slot* slot = q.newest(&at)) [[likely]] {
        Borrowed b(*q.pin, slot, at, q.entry, q.generation, q.max_bytes);
        if (b.bytes_.size() <= q.max_bytes && q.holds(slot, at)) [[likely]] {
          q.pass(at, b.head_.sequence);
          return b;
        }
      }
    }
    return borrow_newest();
  }

  // Looks the name up again and asks for the writers' lives. kNotFound: nobody has the topic. kMismatch:
  // another schema than asked for (the reader goes on with the writers that match).
  Status refresh();

  // As of the last refresh() or wait() for what only the kernel knows (a writer's death), of now for all
  // else.
  State state() const;
  Freshness freshness() const;
  // The same of a sample that was returned, by its `born`: the state now, but fresh or stale by its own age.
  Freshness freshness_of(int64_t born_ns) const;
  // Now minus born of the newest sample; nothing if there is none or it cannot be told.
  std::optional<int64_t> age_ns() const;

  const std::string& topic() const;
  // Samples that next() came too late for: the sum of Sample::missed, and with several writers those that are
  // older than one returned before. What latest() passes over is not missed.
  uint64_t missed() const;
  // Segments that had to be opened anew because theirs was replaced (0 across restarts of a writer).
  uint64_t reopened() const;
  // Attempts that found a slot being written over, in all.
  uint64_t retries() const;
  // Of the topic as found last; nothing if there is none.
  std::optional<Schema> schema() const;
  // The writers found last, best first: see TopicView.
  const std::vector<TopicView>& writers() const;

  // Copies the newest value of exactly `bytes` bytes, as latest() does, without a detour: what TopicReader
  // calls. False: none, or another size; then `*value` may hold anything.
  [[gnu::always_inline]] bool latest_into(void* value, size_t bytes, SampleHead* head) {
    const internal::QuickTopic& q = *quick_;
    uint64_t at;
    if (q.bytes == bytes && bytes != 0) [[likely]] {
      const layout::Slot* slot = q.newest(&at);
      if (slot != nullptr && load_sample_head(slot, head) == bytes) {
        load_words(value, payload_of(slot), bytes);
        if (q.holds(slot, at)) {
          q.pass(at, head->sequence);
          return true;
        }
      }
    }
    return read_latest_into(value, bytes, head);
  }

 private:
  explicit Reader(std::unique_ptr<ReaderImpl> impl);
  const Sample* read_latest();
  const Sample* read_latest_quickly();  // REQUIRES: quick_->sample != nullptr
  bool read_latest_into(void* value, size_t bytes, SampleHead* head);
  std::optional<Borrowed> borrow_newest();
  std::unique_ptr<ReaderImpl> impl_;
  const internal::QuickTopic* quick_;
};

}  // namespace smt

#endif  // SMT_SHM_READER_H_
