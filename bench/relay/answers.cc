#include "bench/relay/answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/measure.h"

namespace smt::bench {

Answers::Answers(Question question, int rounds, double seconds, const std::string& folder)
    : question_(std::move(question)), figures_(question_.contestants.size()) {
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < figures_.size(); ++i) {
      const Contestant& c = question_.contestants[i];
      figures_[i].push_back(run_trial(c.variant, c.load, seconds, folder));
    }
  }
}

bool Answers::has(const std::string& name) const {
  return std::any_of(question_.contestants.begin(), question_.contestants.end(),
                     [&](const Contestant& c) { return c.variant.name == name; });
}

std::vector<double> Answers::rounds_of(const std::string& name, const Metric& metric) const {
  const std::string& wanted = name == kBestNaive ? best_naive(metric) : name;
  std::vector<double> rounds;
  for (size_t i = 0; i < figures_.size(); ++i) {
    if (question_.contestants[i].variant.name != wanted) continue;
    for (const Figures& f : figures_[i]) rounds.push_back(metric.of(f));
  }
  return rounds;
}

std::string Answers::best_naive(const Metric& metric) const {
  std::string best;
  double best_median = 0;
  for (const Contestant& c : question_.contestants) {
    if (!c.variant.naive) continue;
    const double median = median_of(rounds_of(c.variant.name, metric));
    if (!best.empty() && (metric.more_is_better ? median <= best_median : median >= best_median)) continue;
    best = c.variant.name;
    best_median = median;
  }
  return best;
}

void Answers::show(Report* report) const {
  for (const Metric& metric : question_.metrics) {
    const std::string group = fmt::format("({}) {}: {}", question_.letter, question_.title, metric.name);
    for (const Contestant& c : question_.contestants) {
      const bool latency = metric.of == kP50.of || metric.of == kP99.of;
      if (!c.rate_only || !latency) report->add(group, c.variant.name, rounds_of(c.variant.name, metric));
    }
    report->add(group, kBestNaive, rounds_of(kBestNaive, metric));
  }
}

void Answers::accept(Report* report, const std::string& one, const std::string& other, const Metric& metric,
                     double limit) const {
  std::vector<double> ratios = rounds_of(one, metric);
  const std::vector<double> base = rounds_of(other, metric);
  for (size_t i = 0; i < ratios.size(); ++i) ratios[i] /= base[i];
  report->accept(
      fmt::format("({}) {}: {}, {} over {}", question_.letter, question_.title, metric.name, one, other),
      median_of(ratios), limit, "");
}

void Answers::judge(Report* report) const {
  const std::string& letter = question_.letter;
  // A baseline that is slow for another reason than ZeroMQ would prove nothing.
  if (letter == "c" && has(kBare)) accept(report, kBare, kBestNaive, kRate, 4);
  if (!has(kSmtRelay)) return;
  if (letter == "a") {
    accept(report, kSmtRelay, kNaive, kP50, 0.2);
    accept(report, kSmtRelay, kNaive, kP99, 0.2);
    accept(report, kSmtRelay, kRawTcp, kP50, 1.5);
    accept(report, kSmtRelay, kRawTcp, kP99, 1.3);
  } else if (letter == "b") {
    // The naive relay that loses nothing and looks at 1 kHz.
    accept(report, kSmtRelay, kNaiveHwm, kP99, 1.0 / 8);
    accept(report, kSmtRelay, kNaiveHwm, kCpuPerUpdate, 1.0 / 7);
  } else if (letter == "c") {
    const bool many = question_.contestants.back().load.topics > 1000;
    accept(report, kBestNaive, kSmtRelay, kRate, many ? 0.1 : 1.0 / 6);
    if (!many) accept(report, kRawTcp, kSmtRelay, kRate, 1);
  } else if (letter == "d" && question_.contestants.back().load.period_ns < 1'000'000) {
    accept(report, kBare, kSmtRelay, kRate, 1.25);
  } else if (letter == "e") {
    accept(report, kSmtRelay, kNaive, kCpu, 0.1);
  }
}

}  // namespace smt::bench
