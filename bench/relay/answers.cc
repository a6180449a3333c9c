#include "bench/relay/answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/measure.h"

namespace smt::bench {

// No trial measures less.
constexpr double kMinPeriods = 10;

Answers::Answers(Question question, int rounds, double seconds, const std::string& folder)
    : question_(std::move(question)),
      figures_(question_.contestants.size()),
      left_out_(question_.contestants.size()) {
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < figures_.size(); ++i) {
      const Contestant& c = question_.contestants[i];
      if (!left_out_[i].empty()) continue;
      const double periods_s = kMinPeriods * static_cast<double>(c.load.period_ns) * 1e-9;
      Result<Figures> figures = run_trial(c.variant, c.load, std::max(seconds, periods_s), folder);
      if (!figures.ok()) {
        fmt::print(stderr, "{}; once more\n", figures.status().message());
        figures = run_trial(c.variant, c.load, std::max(seconds, periods_s), folder);
      }
      if (figures.ok()) {
        figures_[i].push_back(*figures);
      } else if (may_be_left_out(c.variant.kind)) {
        left_out_[i] = figures.status().message();
      } else {
        fail(figures.status());
      }
    }
  }
}

bool Answers::may_be_left_out(Kind kind) const {
  return kind == Kind::kPeer || (question_.is_of_sweep() && kind != Kind::kSmtRelay);
}

bool Answers::has(const std::string& name) const {
  for (size_t i = 0; i < figures_.size(); ++i) {
    if (question_.contestants[i].variant.name == name) return left_out_[i].empty();
  }
  return false;
}

std::vector<double> Answers::rounds_of(const std::string& name, const Metric& metric) const {
  if (name == kTunnel) return std::vector<double>(figures_.front().size(), kTunnelKiloHz);
  std::string wanted = name;
  if (name == kBestNaive || name == kBestMessageEach) wanted = best(metric, name == kBestNaive);
  std::vector<double> rounds;
  for (size_t i = 0; i < figures_.size(); ++i) {
    if (question_.contestants[i].variant.name != wanted) continue;
    for (const Figures& f : figures_[i]) rounds.push_back(metric.of(f));
  }
  return rounds;
}

std::vector<double> Answers::added(const std::string& name, const char* without, const Metric& metric) const {
  std::vector<double> rounds = rounds_of(name, metric);
  if (without == nullptr) return rounds;
  const std::vector<double> base = rounds_of(without, metric);
  rounds.resize(base.empty() ? 0 : rounds.size());
  for (size_t i = 0; i < rounds.size(); ++i) rounds[i] -= base[i];
  return rounds;
}

std::string Answers::best(const Metric& metric, bool with_batch) const {
  std::string best;
  double best_median = 0;
  for (const Contestant& c : question_.contestants) {
    if (c.variant.kind != Kind::kMessageEach && !(with_batch && c.variant.kind == Kind::kBatch)) continue;
    const double median = median_of(rounds_of(c.variant.name, metric));
    if (!best.empty() && (metric.more_is_better ? median <= best_median : median >= best_median)) continue;
    best = c.variant.name;
    best_median = median;
  }
  return best;
}

void Answers::show(Report* report) const {
  const std::string heading = question_.heading();
  for (const Metric& metric : question_.metrics) {
    const std::string group = fmt::format("{}: {}", heading, metric.name);
    const auto add = [&](const std::string& name) {
      report->add(group, name, rounds_of(name, metric));
      if (question_.is_of_sweep()) report->place_last({question_.axis, question_.x, metric.name});
    };
    const bool latency = metric.of == kP50.of || metric.of == kP99.of;
    for (const Contestant& c : question_.contestants) {
      if (has(c.variant.name) && !(c.rate_only && latency)) add(c.variant.name);
    }
    for (const char* name : {kBestNaive, kBestMessageEach}) {
      if (!question_.is_of_sweep() && !rounds_of(name, metric).empty()) add(name);
    }
  }
  for (size_t i = 0; i < left_out_.size(); ++i) {
    if (!left_out_[i].empty())
      report->leave_out(heading, question_.contestants[i].variant.name, left_out_[i]);
  }
}

void Answers::judge(Report* report) const {
  for (const Goal& goal : question_.goals) {
    std::vector<double> figures = added(goal.one, goal.one_without, goal.metric);
    std::string metric = goal.metric.name;
    if (goal.other != nullptr) metric.resize(metric.rfind(','));  // a ratio has no unit
    std::string what = fmt::format("{}: {}, {}", question_.heading(), metric, goal.one);
    if (goal.one_without != nullptr) what += fmt::format(" less {}", goal.one_without);
    if (goal.other != nullptr) {
      const std::vector<double> base = added(goal.other, goal.other_without, goal.metric);
      figures.resize(base.empty() ? 0 : figures.size());
      for (size_t i = 0; i < figures.size(); ++i) figures[i] /= base[i];
      what += fmt::format(" over {}", goal.other);
      if (goal.other_without != nullptr) what += fmt::format(" less {}", goal.other_without);
    }
    if (!figures.empty()) report->accept(what, median_of(figures), goal.limit, "");
  }
}

}  // namespace smt::bench
