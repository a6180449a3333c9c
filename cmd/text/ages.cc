#include "cmd/text/ages.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace smt::cmd {
namespace {

// Below 64 each number has its bucket; above, its six leading bits choose it.
uint32_t bucket_of(uint64_t n) {
  const auto shift = static_cast<uint32_t>(std::max<uint64_t>(6, std::bit_width(n)) - 6);
  return shift * 32 + static_cast<uint32_t>(n >> shift);
}

int64_t middle_of(uint32_t bucket) {
  if (bucket < 64) return bucket;
  const uint32_t shift = bucket / 32 - 1;
  return (int64_t{bucket % 32 + 32} << shift) + (int64_t{1} << shift) / 2;
}

}  // namespace

void Ages::add(int64_t ns) {
  ns = std::max<int64_t>(0, ns);
  ++counts_[bucket_of(static_cast<uint64_t>(ns))];
  ++count_;
  max_ = std::max(max_, ns);
}

void Ages::add(const Ages& more) {
  for (const auto& [bucket, count] : more.counts_) counts_[bucket] += count;
  count_ += more.count_;
  max_ = std::max(max_, more.max_);
}

int64_t Ages::quantile(double q) const {
  const auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
  uint64_t passed = 0;
  for (const auto& [bucket, count] : counts_) {
    passed += count;
    if (passed >= rank) return std::min(middle_of(bucket), max_);
  }
  return max_;
}

}  // namespace smt::cmd
