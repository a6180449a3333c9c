#include "bench/relay/sweeps.h"

#include <functional>

#include "bench/relay/contestants.h"

namespace smt::bench {
namespace {

struct Sweep {
  std::vector<double> xs;
  std::vector<Metric> metrics;
  Load (*at)(double x);
};

// All topics change together, ten times a second.
Load topics_at(double x) { return {.topics = static_cast<int>(x), .period_ns = 100 * kMs}; }

// One topic at 400 Hz in the mean, or as often as 400 MB/s allow.
Load size_at(double x) {
  const int64_t period_ns = std::max(int64_t{2 * kMs}, static_cast<int64_t>(x / 400e6 * 1e9));
  return {.bytes = static_cast<size_t>(x), .period_ns = period_ns, .jitter_ns = period_ns / 2};
}

Load subscribers_at(double x) {
  return {.topics = 100, .period_ns = 10 * kMs, .subscribers = static_cast<int>(x)};
}

Load hops_at(double x) {
  return {.topics = 100, .period_ns = 2 * kMs, .jitter_ns = 1 * kMs, .hops = static_cast<int>(x)};
}

// Always the same ones of 10,000 topics, a hundred times a second.
Load share_at(double x) {
  return {.topics = 10'000, .period_ns = 10 * kMs, .changed = static_cast<int>(10'000 * x / 100)};
}

Sweep find(const std::string& axis) {
  const std::vector<Metric> both_ends = {kP50, kP99, kCpuPerUpdate};
  if (axis == "topics") return {{10, 100, 1000, 10'000, 100'000}, both_ends, topics_at};
  if (axis == "size")
    return {{8, 64, 1 << 10, 8 << 10, 64 << 10, 1 << 20, 4 << 20, 16 << 20}, both_ends, size_at};
  if (axis == "subscribers")
    return {{1, 2, 4, 8, 16, 32, 64}, {kP50, kP99, kSenderCpuPerUpdate}, subscribers_at};
  if (axis == "hops") return {{0, 1, 2, 3}, both_ends, hops_at};
  return {{0.1, 0.3, 1, 3, 10, 30, 100}, both_ends, share_at};
}

}  // namespace

std::vector<Question> sweep(const std::string& axis, bool few, const std::string& bin) {
  const Sweep s = find(axis);
  const Contestants all(bin, {});
  std::vector<Question> points;
  for (const double x : s.xs) {
    if (few && x != s.xs.front() && x != s.xs.back()) continue;
    points.push_back({.title = fmt::format("{} {}", axis, x),
                      .metrics = s.metrics,
                      .contestants = all.one_of_each(s.at(x)),
                      .axis = axis,
                      .x = x});
  }
  return points;
}

}  // namespace smt::bench
