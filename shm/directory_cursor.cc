#include "shm/directory_cursor.h"

#include <algorithm>

namespace smt {

void DirectoryCursor::begin(const SegmentView& segment) {
  // The version first: what changes from here on moves it once more.
  version_ = segment.directory_version();
  changed_.clear();
  segment.scan_generations(&generations_, &changed_);
  yielded_.resize(generations_.size());
  std::erase_if(damaged_,
                [&](uint32_t index) { return std::binary_search(changed_.begin(), changed_.end(), index); });
  phase_ = Phase::kGone;
  at_ = 0;
}

std::optional<DirectoryCursor::Change> DirectoryCursor::next(const SegmentView& segment) {
  if (phase_ == Phase::kBetweenLooks) {
    if (!changed(segment)) return std::nullopt;
    begin(segment);
  }
  if (phase_ == Phase::kGone) {
    while (at_ < changed_.size()) {
      const uint32_t index = changed_[at_++];
      if (!yielded_[index]) continue;
      yielded_[index] = false;
      return Change{index, std::nullopt};
    }
    phase_ = Phase::kCame;
    at_ = 0;
  }
  while (at_ < changed_.size()) {
    const uint32_t index = changed_[at_++];
    if (generations_[index] % 2 == 0) continue;
    bool damaged = false;
    std::optional<TopicView> topic = segment.topic(index, &damaged);
    if (damaged) damaged_.push_back(index);
    if (!topic) continue;  // or removed meanwhile, which the next look finds by another generation
    generations_[index] = topic->generation;
    yielded_[index] = true;
    return Change{index, std::move(topic)};
  }
  std::sort(damaged_.begin(), damaged_.end());
  phase_ = Phase::kBetweenLooks;
  return std::nullopt;
}

}  // namespace smt
