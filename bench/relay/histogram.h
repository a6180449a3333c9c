// Counts of durations, exact to 1.6 %. Plain memory: it may lie where processes share it.
#ifndef SMT_BENCH_RELAY_HISTOGRAM_H_
#define SMT_BENCH_RELAY_HISTOGRAM_H_

#include <algorithm>
#include <bit>
#include <cstdint>

namespace smt::bench {

class Histogram {
 public:
  void add(int64_t ns) {
    const uint64_t v = static_cast<uint64_t>(std::clamp<int64_t>(ns, 0, (int64_t{1} << kBits) - 1));
    ++counts_[bucket_of(v)];
    ++total_;
  }
  void merge(const Histogram& other) {
    for (int i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }
  uint64_t total() const { return total_; }
  // The duration below which the share `p` lies; 0: there is none at all.
  double percentile_ns(double p) const {
    uint64_t below = static_cast<uint64_t>(p * static_cast<double>(total_));
    for (int i = 0; i < kBuckets; ++i) {
      if (counts_[i] > below) return middle(i);
      below -= counts_[i];
    }
    return 0;
  }

 private:
  // Below 64 ns one bucket each, above 64 to an octave.
  static constexpr int kBits = 40, kPerOctave = 64, kBuckets = (kBits - 6 + 1) * kPerOctave;
  static int bucket_of(uint64_t v) {
    if (v < kPerOctave) return static_cast<int>(v);
    const int shift = std::bit_width(v) - 7;
    return (shift + 1) * kPerOctave + static_cast<int>(v >> shift) - kPerOctave;
  }
  static double middle(int bucket) {
    if (bucket < kPerOctave) return bucket;
    const int shift = bucket / kPerOctave - 1;
    return (static_cast<double>(kPerOctave + bucket % kPerOctave) + 0.5) *
           static_cast<double>(uint64_t{1} << shift);
  }

  uint64_t total_ = 0;
  uint64_t counts_[kBuckets] = {};
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_HISTOGRAM_H_
