// How the benches measure: interleaved rounds, pinned threads, medians with their spread.
#ifndef SMT_BENCH_MEASURE_H_
#define SMT_BENCH_MEASURE_H_

#include <sched.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace smt::bench {

inline int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

inline void sleep_until(int64_t boottime_ns) {
  const timespec due = {boottime_ns / 1'000'000'000, boottime_ns % 1'000'000'000};
  clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &due, nullptr);
}

// A counter of constant rate that is cheap enough to time one call.
inline uint64_t read_ticks() {
#if defined(__x86_64__)
  unsigned core;
  return __rdtscp(&core);
#elif defined(__aarch64__)
  uint64_t t;
  asm volatile("isb; mrs %0, cntvct_el0" : "=r"(t));
  return t;
#else
  return static_cast<uint64_t>(now_ns());
#endif
}

// Measured over 20 ms.
inline double measure_ns_per_tick() {
  const int64_t begin = now_ns();
  const uint64_t ticks = read_ticks();
  while (now_ns() - begin < 20'000'000) {
  }
  return static_cast<double>(now_ns() - begin) / static_cast<double>(read_ticks() - ticks);
}

// The compiler must believe that memory was read and written here.
inline void keep(const void* p) { asm volatile("" : : "g"(p) : "memory"); }

// The calling thread runs on this core from now on; children inherit it. A machine with fewer cores is left
// alone.
inline void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// The value below which the share `p` of `values` lies. REQUIRES: not empty.
inline double percentile(std::vector<double> values, double p) {
  const auto at = values.begin() + static_cast<int64_t>(p * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}
// What the case costs when nobody else takes the core.
inline double quietest(const std::vector<double>& values) { return percentile(values, 0); }
inline double median_of(const std::vector<double>& values) { return percentile(values, 0.5); }

// Runs each case once a round, so that a slow moment of the machine hits all of them: result[case][round].
inline std::vector<std::vector<double>> interleave(int rounds,
                                                   const std::vector<std::function<double()>>& cases) {
  std::vector<std::vector<double>> result(cases.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < cases.size(); ++i) result[i].push_back(cases[i]());
  }
  return result;
}

// Nanoseconds for one call of `call`, over as many calls as take about `batch_ns`.
template <class Call>
double ns_per_call(int64_t batch_ns, Call&& call) {
  int64_t calls = 0, took = 0;
  const int64_t begin = now_ns();
  for (int64_t batch = 1; took < batch_ns; batch = std::clamp<int64_t>(calls, 1, 1 << 12)) {
    for (int64_t i = 0; i < batch; ++i) call();
    calls += batch;
    took = now_ns() - begin;
  }
  return static_cast<double>(took) / static_cast<double>(calls);
}

}  // namespace smt::bench

#endif  // SMT_BENCH_MEASURE_H_
