// The figures of all trials of one question, and how they compare.
#ifndef SMT_BENCH_RELAY_ANSWERS_H_
#define SMT_BENCH_RELAY_ANSWERS_H_

#include <string>
#include <vector>

#include "bench/relay/questions.h"
#include "bench/report.h"

namespace smt::bench {

class Answers {
 public:
  // Each contestant once a round, in turn.
  Answers(Question question, int rounds, double seconds, const std::string& folder);

  // One group for each metric; a question repeats the best ones as kBestNaive and kBestMessageEach.
  void show(Report* report) const;
  // The goals of the question whose names take part.
  void judge(Report* report) const;

 private:
  // Where a contestant of that kind fails twice, it is named with the reason; elsewhere the program ends.
  bool may_be_left_out(Kind kind) const;
  bool has(const std::string& name) const;
  // The figure of each round, of a contestant, a best one or kTunnel. None: it does not take part.
  std::vector<double> rounds_of(const std::string& name, const Metric& metric) const;
  // That less the figure of `without` in the same round; as it is where that is null.
  std::vector<double> added(const std::string& name, const char* without, const Metric& metric) const;
  std::string best(const Metric& metric, bool with_batch) const;

  Question question_;
  std::vector<std::vector<Figures>> figures_;  // [contestant][round]
  std::vector<std::string> left_out_;          // [contestant], why; "": it is not
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_ANSWERS_H_
