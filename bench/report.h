// What a bench prints: one table with ratios, or one JSON object.
#ifndef SMT_BENCH_REPORT_H_
#define SMT_BENCH_REPORT_H_

#include <functional>
#include <string>
#include <vector>

#include "shm/domain.h"
#include "shm/node.h"

namespace smt::bench {

struct Options {
  bool quick = false;  // a look of a few seconds instead of the full measurement
  bool smoke = false;  // whether it runs at all, in about a second: the figures mean nothing
  bool json = false;

  template <class T>
  T choose(T at_full, T at_quick, T at_smoke) const {
    return smoke ? at_smoke : quick ? at_quick : at_full;
  }
};

class Report {
 public:
  // `title` tells what is measured and in which unit; ratios are given to the rows named in `baselines`.
  Report(std::string title, std::vector<std::string> baselines)
      : title_(std::move(title)), baselines_(std::move(baselines)) {}

  // A case of `group`, measured once a round. Rows with a unit of their own have no ratios.
  void add(const std::string& group, const std::string& name, std::vector<double> rounds,
           std::string unit = "");
  // Where on the axis of a sweep the row added last stands.
  struct Place {
    std::string axis;
    double x = 0;
    std::string metric;
  };
  void place_last(const Place& place) { rows_.back().place = place; }
  // A case that has no figures in `group`, and why.
  void leave_out(const std::string& group, const std::string& name, const std::string& why);
  // The figure `what` is to stay at or below `limit`.
  void accept(const std::string& what, double value, double limit, const std::string& unit);

  std::string table() const;
  std::string json(const std::string& bench) const;

 private:
  struct Row {
    std::string group, name, unit;
    std::vector<double> rounds;
    Place place = {};
  };
  struct LeftOut {
    std::string group, name, why;
  };
  struct Goal {
    std::string what, unit;
    double value, limit;
  };
  // Median over the rounds of row / baseline in the same group; 0: there is no such baseline.
  double ratio_of(const Row& row, const std::string& baseline) const;

  std::string title_;
  std::vector<std::string> baselines_;
  std::vector<Row> rows_;
  std::vector<LeftOut> left_out_;
  std::vector<Goal> goals_;
};

// The main of a bench: reads the flags, runs `body` in a child process with a domain of its own, which is
// removed however the child ends, and prints the report. Returns the exit code.
int main(int argc, char** argv, const std::function<Report(const Options&, const Domain&)>& body);

// Ends the program with the sentence of `status`.
[[noreturn]] void fail(const Status& status);
// Fails unless OK; costs a measured loop one branch.
inline void check(const Status& status) {
  if (!status.ok()) [[unlikely]]
    fail(status);
}
template <class T>
T check(Result<T> result) {
  check(result.status());
  return std::move(*result);
}

// A topic of `bytes` bytes.
TopicOptions bytes_topic(const std::string& name, size_t bytes);

}  // namespace smt::bench

#endif  // SMT_BENCH_REPORT_H_
