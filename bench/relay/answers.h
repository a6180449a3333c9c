// The figures of all trials of one question, and how they compare.
#ifndef SMT_BENCH_RELAY_ANSWERS_H_
#define SMT_BENCH_RELAY_ANSWERS_H_

#include <string>
#include <vector>

#include "bench/relay/questions.h"
#include "bench/report.h"

namespace smt::bench {

inline constexpr char kBestNaive[] = "best naive";

class Answers {
 public:
  // Each contestant once a round, in turn.
  Answers(Question question, int rounds, double seconds, const std::string& folder);

  // One group for each metric; the best of the naive ones is repeated as "best naive".
  void show(Report* report) const;
  // What of the goals this question decides.
  void judge(Report* report) const;

 private:
  bool has(const std::string& name) const;
  // The figure of each round. REQUIRES: has(name), or kBestNaive.
  std::vector<double> rounds_of(const std::string& name, const Metric& metric) const;
  std::string best_naive(const Metric& metric) const;
  // `limit` is for the median over the rounds of the ratio.
  void accept(Report* report, const std::string& one, const std::string& other, const Metric& metric,
              double limit) const;

  Question question_;
  std::vector<std::vector<Figures>> figures_;  // [contestant][round]
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_ANSWERS_H_
