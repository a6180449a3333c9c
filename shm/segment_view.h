// The reading side of one segment: a read-only mapping, everything in it hostile until checked.
// Relays and tools use it directly; programs use Reader.
#ifndef SMT_SHM_SEGMENT_VIEW_H_
#define SMT_SHM_SEGMENT_VIEW_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/clock.h"
#include "shm/domain.h"
#include "shm/fd.h"
#include "shm/freshness.h"
#include "shm/mapping.h"
#include "shm/ordering.h"
#include "shm/schema.h"
#include "shm/seqlock.h"
#include "shm/status.h"
#include "shm/topic_fields.h"

namespace smt {

class SegmentView;

// A topic as one node publishes it: a checked copy of its record, and where its moving parts are. Valid while
// the segment is mapped; what is read through it counts only if the generation still stands afterwards.
struct TopicView : TopicFields {
  std::shared_ptr<const SegmentView> segment;
  const layout::Entry* entry = nullptr;
  const layout::Word* counter = nullptr;
  const layout::Record* record = nullptr;  // for the fields that move: max_age_ns, epoch, state, ...
  const std::byte* ring = nullptr;

  const layout::Slot* slot(uint64_t position) const {
    return reinterpret_cast<const layout::Slot*>(ring + (position & (slot_count - 1)) * slot_stride);
  }
  bool live() const { return still_generation(entry, generation); }
  // The oldest position that the ring may still hold, seen from `head`.
  uint64_t oldest(uint64_t head) const {
    const uint64_t by_ring = head >= slot_count ? head - slot_count + 1 : 1;
    return by_ring > first_position ? by_ring : first_position;
  }
};

enum class SlotRead {
  kOk,
  kNotThere,  // not written yet, being written, overwritten, or half-written by a writer that died
  kDamaged,   // the size in the slot cannot be true
};

// Copies the sample at `position` if it is there. `buffer` has room for view.max_bytes bytes. View:
// TopicView, or what has slot(), max_bytes, entry and generation as that has.
template <class View>
[[gnu::always_inline]] inline SlotRead read_slot(const View& view, uint64_t position, SampleHead* head,
                                                 void* buffer, uint64_t* bytes) {
  const layout::Slot* slot = view.slot(position);
  if (!slot_holds(slot, position)) return SlotRead::kNotThere;
  const uint64_t n = load_sample_head(slot, head);
  const bool sane = n <= view.max_bytes;
  if (sane) load_words(buffer, payload_of(slot), n);
  if (!still_holds(slot, position, view.entry, view.generation)) return SlotRead::kNotThere;
  *bytes = n;
  return sane ? SlotRead::kOk : SlotRead::kDamaged;
}

// The head of the sample at `position`, and the size of its payload, which is not touched. Nothing: see
// kNotThere. The size is what the slot says; one above view.max_bytes is damage.
template <class View>
std::optional<SampleHead> peek_sample(const View& view, uint64_t position, uint64_t* bytes = nullptr) {
  const layout::Slot* slot = view.slot(position);
  if (!slot_holds(slot, position)) return std::nullopt;
  SampleHead head;
  const uint64_t n = load_sample_head(slot, &head);
  if (!still_holds(slot, position, view.entry, view.generation)) return std::nullopt;
  if (bytes != nullptr) *bytes = n;
  return head;
}

// The head of the newest sample. Nothing: there is none, the topic is gone, or its writer was faster
// `attempts` times.
template <class View>
std::optional<SampleHead> peek_newest(const View& view, int attempts = 64) {
  for (int i = 0; i < attempts; ++i) {
    const uint64_t position = read_newest_head(*view.counter);
    if (position < view.first_position || !still_generation(view.entry, view.generation)) break;
    if (const std::optional<SampleHead> head = peek_sample(view, position)) return head;
  }
  return std::nullopt;
}

// Whether a process owns the segment that is open as `fd`, of whatever layout version: one system call (OFD
// lock probe). The owner then runs on this kernel.
bool has_owner(int fd);

// Thread-safe, but for scan().
class SegmentView : public std::enable_shared_from_this<SegmentView> {
 public:
  // kNotFound, kDenied (symlink, hard link, foreign owner, writable by others), kVersion, kDamaged.
  static Result<std::shared_ptr<SegmentView>> open(const Domain& domain, std::string_view node);
  // REQUIRES: `node` passes check_name
  static Result<std::shared_ptr<SegmentView>> open(const DomainFolder& folder, std::string_view node);

  const std::string& node() const { return node_; }
  // Of the machine, as its owner found it when it started.
  std::string host() const;
  const Id128& id() const { return id_; }
  // The segment that this one goes on for, at the same indexes and positions; zeros: it began by itself.
  const Id128& predecessor() const { return predecessor_; }
  bool mirror() const { return mirror_; }
  // False: born and written are of another boot or time namespace, and no age can be told.
  bool same_time() const { return same_namespace_ && same_boot(); }
  // False: the segment was made under another boot_id, does not lie in memory, and has had no owner since it
  // was opened. (An owner has this boot: at its adoption the epoch moves.)
  bool same_boot() const { return same_boot_ || epoch() != opened_epoch_; }

  bool retired() const { return header_->retired.load(std::memory_order_relaxed) != 0; }
  const layout::Half* retired_flag() const { return &header_->retired; }
  bool closed() const { return header_->closed.load(std::memory_order_relaxed) != 0; }
  uint64_t epoch() const { return header_->epoch.load(std::memory_order_relaxed); }
  uint64_t pid() const { return header_->pid.load(std::memory_order_relaxed); }
  // The owner asked for its last values to be kept.
  bool keep() const { return header_->keep.load(std::memory_order_relaxed) != 0; }
  uint64_t half_written() const { return header_->half_written.load(std::memory_order_relaxed); }
  int64_t alive_until() const {
    return static_cast<int64_t>(header_->alive_until.load(std::memory_order_relaxed));
  }
  uint64_t directory_version() const { return read_directory_version(header_); }
  uint64_t reserved_bytes() const { return header_->reserved.load(std::memory_order_relaxed); }
  uint64_t segment_bytes() const { return size_; }

  // See has_owner.
  bool owner_alive() const { return has_owner(fd_.get()); }

  // Entries that have ever been used, bounded by the directory blocks that are there.
  uint32_t topic_limit() const;
  // Generation of entry `index`; even: dead. REQUIRES: index < topic_limit()
  uint64_t generation(uint32_t index) const;
  // Nothing if the entry is dead, or cannot be true (`*damaged` then says so).
  std::optional<TopicView> topic(uint32_t index, bool* damaged = nullptr) const;
  // kNotFound if the topic is gone meanwhile, kDamaged.
  Result<Schema> schema(const TopicView& topic) const;
  TopicOrigin origin(const TopicView& topic) const;

  // What changed: compares the counters with `seen`, which grows to topic_limit(), brings `seen` up to date
  // and appends the indexes of the topics that moved. About 0.3 ns per topic that did not.
  void scan(std::vector<uint64_t>* seen, std::vector<uint32_t>* changed) const;
  // The same; `changed` becomes a bit for each topic: bit i % 64 of its word i / 64 is set if topic i moved.
  void scan_words(std::vector<uint64_t>* seen, std::vector<uint64_t>* changed) const;

  // Which entries changed: as scan(), of the generations. An entry that topic_limit() no longer covers counts
  // as dead (0).
  void scan_generations(std::vector<uint64_t>* seen, std::vector<uint32_t>* changed) const;

  // State of a topic from memory alone; `dead`: the lock probe said that nobody owns the segment.
  // max_age_ns < 0: the topic's own.
  State state(const TopicView& topic, bool dead, int64_t now_ns, int64_t max_age_ns = -1) const;
  // The same of a sample of the topic, newest or not: fresh or stale by its own age.
  State sample_state(const TopicView& topic, int64_t born_ns, bool dead, int64_t now_ns,
                     int64_t max_age_ns = -1) const;
  // The owner has published or confirmed the topic since it took the segment over.
  bool is_current(const TopicView& topic) const { return read_epoch(topic.record) == epoch(); }
  // A mirror's owner has not opened the topic since it took the segment over.
  bool is_left_over(const TopicView& topic) const;
  int64_t max_age_ns(const TopicView& topic) const {
    return static_cast<int64_t>(topic.record->max_age_ns.load(std::memory_order_relaxed));
  }

  // Of a mirror; nothing: not known, or a local topic, whose ages are exact.
  std::optional<int64_t> age_error_ns(const TopicView& topic) const;
  std::optional<int64_t> delay_ns(const TopicView& topic) const;

  // The futex word and the bell; the bell is null if this process may not write it.
  const layout::Half* word() const { return &header_->word; }
  layout::Half* bell() const { return bell_; }

 private:
  friend class DomainView;
  SegmentView() = default;
  // state() of the sample that was born when `born(newest position)` says.
  template <class Born>
  State state_by(const TopicView& topic, bool dead, int64_t now_ns, int64_t max_age_ns, Born born) const;
  template <class F>
  void scan_eights(std::vector<uint64_t>* seen, F f) const;
  void open_bell(const DomainFolder& folder);
  // The file is still the one that the name means (one system call).
  bool still_named(int folder) const;
  // Bytes from the start that may be touched: what the header says is reserved, once fstat has said so too.
  uint64_t backed_bytes() const;
  // Null if block `block` is not there, or its offset cannot be true.
  const std::byte* block_at(uint32_t block) const;
  // Copies the text of a Blob, `limit` bytes at most; false if it cannot be true.
  bool read_blob(uint64_t offset, uint64_t limit, std::string* text) const;

  Fd fd_;
  Mapping region_, bell_region_;
  const std::byte* base_ = nullptr;
  const layout::Header* header_ = nullptr;
  layout::Half* bell_ = nullptr;
  uint64_t size_ = 0;
  uint64_t inode_ = 0, device_ = 0;
  std::string node_;
  Id128 id_{}, predecessor_{};
  bool mirror_ = false, same_namespace_ = true, same_boot_ = true;
  uint64_t opened_epoch_ = 0;                  // before its owner was asked for
  mutable std::atomic<uint64_t> verified_{0};  // bytes from the start that the file is known to back
};

}  // namespace smt

#endif  // SMT_SHM_SEGMENT_VIEW_H_
