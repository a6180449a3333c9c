// Which samples are to go to one peer in a batch, and in which order.
#ifndef SMT_RELAY_OUTBOUND_BATCH_PLAN_H_
#define SMT_RELAY_OUTBOUND_BATCH_PLAN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace smt::relay {

// What a row takes in the header of a Batch, about.
inline constexpr size_t kRowBytes = 12;

// Row i is about the topic id[i], of which sent[i] is the sequence sent last: its newest sample goes, unless
// that is the one; or, where max_samples[i] is not 0, so many of those that follow it go, in order. A special
// row says more.
struct BatchPlan {
  struct SpecialRow {
    size_t row;
    bool again;              // the newest sample, even if it was sent last
    uint64_t after = 0;      // in order: the samples after this one, whatever was sent last
    int64_t max_age_ns = 0;  // none that is older; 0: any
    bool operator==(const SpecialRow&) const = default;
  };
  size_t rows = 0;
  std::vector<uint32_t> id;  // the first `rows` of these count
  std::vector<uint64_t> sent;
  std::vector<uint32_t> max_samples;
  size_t in_order = 0;              // so many rows are
  std::vector<SpecialRow> special;  // rising
  uint64_t max_value_bytes = 0;     // of all rows together

  bool operator==(const BatchPlan& other) const {
    const auto equal = [this](const auto& a, const auto& b) {
      return std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(rows), b.begin());
    };
    return rows == other.rows && in_order == other.in_order && equal(id, other.id) &&
           equal(sent, other.sent) && (in_order == 0 || equal(max_samples, other.max_samples)) &&
           special == other.special && max_value_bytes == other.max_value_bytes;
  }
  bool is_empty() const { return rows == 0; }
  // There are places for so many rows more after those that count. What they hold is not said.
  void make_room(size_t more) {
    if (id.size() >= rows + more) return;
    id.resize(2 * (rows + more));
    sent.resize(id.size());
    max_samples.resize(id.size());
  }
  void add(uint32_t topic, uint64_t last, uint32_t samples) {
    make_room(1);
    id[rows] = topic;
    sent[rows] = last;
    max_samples[rows++] = samples;
    in_order += samples != 0;
  }
  // Rows of another plan that are neither in order nor special.
  void add_rows(const BatchPlan& other, size_t first, size_t count) {
    make_room(count);
    std::copy_n(&other.id[first], count, &id[rows]);
    std::copy_n(&other.sent[first], count, &sent[rows]);
    std::fill_n(&max_samples[rows], count, 0);
    rows += count;
  }
  void assign(const BatchPlan& other) {
    clear();
    make_room(other.rows);
    rows = other.rows;
    std::copy_n(other.id.begin(), rows, id.begin());
    std::copy_n(other.sent.begin(), rows, sent.begin());
    std::copy_n(other.max_samples.begin(), rows, max_samples.begin());
    in_order = other.in_order;
    special = other.special;
    max_value_bytes = other.max_value_bytes;
  }
  void clear() {
    rows = in_order = 0;
    special.clear();
    max_value_bytes = 0;
  }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_BATCH_PLAN_H_
