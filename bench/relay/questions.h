// What bench_relay asks: the loads, who takes part, and which figures are shown.
#ifndef SMT_BENCH_RELAY_QUESTIONS_H_
#define SMT_BENCH_RELAY_QUESTIONS_H_

#include <string>
#include <vector>

#include "bench/relay/trial.h"

namespace smt::bench {

struct Metric {
  const char* name;  // with its unit
  double (*of)(const Figures&);
  bool more_is_better = false;
};

struct Contestant {
  Variant variant;
  Load load;
  bool rate_only = false;  // it is flooded, so latencies are those of its queue and not shown
};

struct Question {
  std::string letter;  // --only names it
  std::string title;
  std::vector<Metric> metrics;
  std::vector<Contestant> contestants;
};

inline constexpr Metric kP50 = {"p50, us", [](const Figures& f) { return f.p50_us; }};
inline constexpr Metric kP99 = {"p99, us", [](const Figures& f) { return f.p99_us; }};
inline constexpr Metric kRate = {"delivered, k/s", [](const Figures& f) { return f.delivered_hz / 1e3; },
                                 true};
inline constexpr Metric kShare = {
    "delivered of what was published, %",
    [](const Figures& f) { return f.delivered_hz / std::max(f.offered_hz, 1.0) * 100; }, true};
inline constexpr Metric kCpuPerUpdate = {"CPU of both relays per update, us", [](const Figures& f) {
                                           return f.cpu() / std::max(f.delivered_hz, 1.0) * 1e6;
                                         }};
inline constexpr Metric kCpu = {"CPU of both relays, % of a core",
                                [](const Figures& f) { return f.cpu() * 100; }};
inline constexpr Metric kSenderCpu = {"CPU of the sender, % of a core",
                                      [](const Figures& f) { return f.sender_cpu * 100; }};

inline constexpr char kSmtRelay[] = "smtrelay", kRawTcp[] = "raw tcp", kBare[] = "bare zmq";
inline constexpr char kNaive[] = "naive", kNaiveHwm[] = "naive, HWM 100,000";

// `bin`: the folder of smtrelay's programs; "": without them.
std::vector<Question> questions(const std::string& bin);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_QUESTIONS_H_
