// Which samples are to go to one peer in a batch, and in which order.
#ifndef SMT_RELAY_OUTBOUND_BATCH_PLAN_H_
#define SMT_RELAY_OUTBOUND_BATCH_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace smt::relay {

// Row i is about the topic id[i], of which sent[i] is the sequence sent last: its newest sample goes, unless
// that is the one. A special row says otherwise.
struct BatchPlan {
  struct SpecialRow {
    size_t row;
    bool again;                // the newest sample, even if it was sent last
    uint32_t max_samples = 0;  // so many samples after `after`, in order; 0: the newest one
    uint64_t after = 0;
    int64_t max_age_ns = 0;  // none that is older; 0: any
    bool operator==(const SpecialRow&) const = default;
  };
  std::vector<uint32_t> id;
  std::vector<uint64_t> sent;
  std::vector<SpecialRow> special;  // rising
  uint64_t max_value_bytes = 0;     // of all rows together

  bool operator==(const BatchPlan&) const = default;
  bool is_empty() const { return id.empty(); }
  void clear() {
    id.clear();
    sent.clear();
    special.clear();
    max_value_bytes = 0;
  }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_BATCH_PLAN_H_
