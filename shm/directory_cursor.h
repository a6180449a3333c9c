// Which topics came to a segment and which left it since the last look. Internal to libsmt, its relays and
// its tools.
#ifndef SMT_SHM_DIRECTORY_CURSOR_H_
#define SMT_SHM_DIRECTORY_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shm/segment_view.h"

namespace smt {

// One look:
//
//   while (std::optional<DirectoryCursor::Change> change = cursor.next(segment)) {
//     if (change->topic) ...came at change->index... else ...the topic at change->index is gone...
//   }
//
// A look is one load where nothing changed, and allocates nothing then. It ends even if the owner changes its
// directory all the time: what changes meanwhile is seen by the next look. Each topic that is yielded has
// been checked, see SegmentView::topic; what it says counts only while it is live().
//
// An adoption yields nothing, as every topic stays. A segment that replaces another one needs a new cursor.
// REQUIRES: always the same segment, though another SegmentView of it will do. One thread at a time.
class DirectoryCursor {
 public:
  struct Change {
    uint32_t index = 0;              // in the directory
    std::optional<TopicView> topic;  // nothing: the topic that was yielded for this index is gone
  };

  // False: next() has nothing.
  bool changed(const SegmentView& segment) const { return segment.directory_version() != version_; }

  // The next change of this look; nothing at its end. All topics that are gone come before those that are
  // new, so that a topic which moved to another index, or was replaced under its next generation, goes before
  // it comes again.
  std::optional<Change> next(const SegmentView& segment);

  // Every index yielded so far is smaller.
  uint32_t limit() const { return static_cast<uint32_t>(generations_.size()); }
  // Indexes of entries that cannot be true, as of the last look, in order.
  const std::vector<uint32_t>& damaged() const { return damaged_; }

 private:
  enum class Phase { kBetweenLooks, kGone, kCame };
  void begin(const SegmentView& segment);

  std::optional<uint64_t> version_;    // of the directory, as of the last look
  std::vector<uint64_t> generations_;  // by index, as of the last look
  std::vector<bool> yielded_;          // by index: the caller has a topic of it
  std::vector<uint32_t> damaged_;
  Phase phase_ = Phase::kBetweenLooks;
  std::vector<uint32_t> changed_;  // in this look, in order
  size_t at_ = 0;                  // in changed_
};

}  // namespace smt

#endif  // SMT_SHM_DIRECTORY_CURSOR_H_
