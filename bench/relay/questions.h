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

// The median over the rounds of `one` divided by `other` is `limit` at most.
struct Goal {
  const char* one;
  const char* other;  // nullptr: it is `one` itself that stays within the limit
  Metric metric;
  double limit;
  // Where they are given, it is about what `one` adds to the first of them and `other` to the second.
  const char* one_without = nullptr;
  const char* other_without = nullptr;
};

struct Question {
  std::string letter = {};  // --only names it; "": a point of a sweep
  std::string title;
  std::vector<Metric> metrics;
  std::vector<Contestant> contestants;
  std::vector<Goal> goals = {};
  std::string axis = {};  // of the sweep, and where on it
  double x = 0;

  bool is_of_sweep() const { return !axis.empty(); }
  // How the report names it.
  std::string heading() const { return is_of_sweep() ? title : "(" + letter + ") " + title; }
};

inline constexpr Metric kP50 = {"p50, us", [](const Figures& f) { return f.p50_us; }};
inline constexpr Metric kP99 = {"p99, us", [](const Figures& f) { return f.p99_us; }};
inline constexpr Metric kRate = {"delivered, k/s", [](const Figures& f) { return f.delivered_hz / 1e3; },
                                 true};
inline constexpr Metric kShare = {
    "delivered of what was published, %",
    [](const Figures& f) { return f.delivered_hz / std::max(f.offered_hz, 1.0) * 100; }, true};
inline constexpr Metric kCpuPerUpdate = {"CPU of the relays per update, us", [](const Figures& f) {
                                           return f.cpu() / std::max(f.delivered_hz, 1.0) * 1e6;
                                         }};
inline constexpr Metric kCpu = {"CPU of the relays, % of a core",
                                [](const Figures& f) { return f.cpu() * 100; }};
inline constexpr Metric kSenderCpu = {"CPU of the sender, % of a core",
                                      [](const Figures& f) { return f.sender_cpu * 100; }};
inline constexpr Metric kSenderCpuPerUpdate = {"CPU of the sender per update, us", [](const Figures& f) {
                                                 return f.sender_cpu / std::max(f.offered_hz, 1.0) * 1e6;
                                               }};
inline constexpr Metric kScrapes = {"scrapes answered, /s", [](const Figures& f) { return f.scrapes_hz; },
                                    true};

inline constexpr char kSmtRelay[] = "smtrelay", kSmtRelaySpins[] = "smtrelay --spin";
inline constexpr char kSmtRelayKeys[] = "smtrelay, keys", kSmtRelayProxy[] = "smtrelay, proxy";
inline constexpr char kSmtRelayScraped[] = "smtrelay, scraped";
inline constexpr char kSmtRelaySlowClients[] = "smtrelay, scraped, 1,000 slow clients";
inline constexpr char kNaive[] = "naive";
inline constexpr char kNaiveHwm[] = "naive, HWM 100,000";
inline constexpr char kNaiveFutex[] = "naive, futex, HWM 100,000";
inline constexpr char kBatch[] = "batch";
inline constexpr char kRawTcp[] = "raw tcp";
inline constexpr char kBare[] = "bare zmq";
inline constexpr char kBareCurve[] = "bare zmq, CURVE", kBareProxy[] = "bare zmq, proxy";
// These names stand for the relay written by hand over ZeroMQ that has the best figure: the first for the
// best of all, the second for the best of those that send a message for each topic.
inline constexpr char kBestNaive[] = "best naive", kBestMessageEach[] = "best message each";
// The only ready-made bridge that was measured. Debian does not package it, so its rate is a constant.
inline constexpr char kTunnel[] = "bot-lcm-tunnel";
inline constexpr double kTunnelKiloHz = 20;  // of updates of 32 bytes, on this class of machine

// The goals are those that the project has set itself for the relay, and one for the naive relay: a baseline
// that is slow for another reason than ZeroMQ would prove nothing.
// `bin`: the folder of smtrelay's programs; "": without them. `peers` take part where they can.
std::vector<Question> questions(const std::string& bin, const std::vector<Variant>& peers);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_QUESTIONS_H_
