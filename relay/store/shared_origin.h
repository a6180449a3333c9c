// The origin of topics, in one place for all topics that share it: those of one node do.
#ifndef SMT_RELAY_STORE_SHARED_ORIGIN_H_
#define SMT_RELAY_STORE_SHARED_ORIGIN_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "shm/freshness.h"

namespace smt::relay {

// A value: it does not change, and copies are cheap.
class SharedOrigin {
 public:
  SharedOrigin() = default;
  SharedOrigin(TopicOrigin origin) : origin_(std::make_shared<const TopicOrigin>(std::move(origin))) {}

  const TopicOrigin& operator*() const { return origin_ != nullptr ? *origin_ : none(); }
  const TopicOrigin* operator->() const { return &**this; }
  bool operator==(const SharedOrigin& other) const { return origin_ == other.origin_ || **this == *other; }

 private:
  static const TopicOrigin& none() {
    static const TopicOrigin kNone;
    return kNone;
  }
  std::shared_ptr<const TopicOrigin> origin_;  // null: of nobody
};

// Origins that were seen of late.
class OriginPool {
 public:
  // The same as `origin`, shared with who asked for it before.
  SharedOrigin share(TopicOrigin origin) {
    const auto known = origins_.find(origin.segment_id);
    if (known != origins_.end() && *known->second == origin) return known->second;
    if (origins_.size() == kMax) origins_.clear();
    const Id128 segment_id = origin.segment_id;
    return origins_.insert_or_assign(segment_id, SharedOrigin(std::move(origin))).first->second;
  }
  // Memory that they take, about.
  uint64_t bytes() const { return origins_.size() * (2 * sizeof(TopicOrigin)); }

 private:
  // Whoever chooses them has no more of this memory.
  static constexpr size_t kMax = 256;
  std::map<Id128, SharedOrigin> origins_;  // by segment
};

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_SHARED_ORIGIN_H_
