// Which of the problems that are found again and again are to be told.
#ifndef SMT_CMD_MONITOR_PROBLEM_NEWS_H_
#define SMT_CMD_MONITOR_PROBLEM_NEWS_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace smt::cmd {

class ProblemNews {
 public:
  // Returns those of the present problems that the last call did not have. A problem that has gone and comes
  // again is new.
  std::vector<std::string> look(const std::vector<std::string>& problems) {
    std::set<std::string> present(problems.begin(), problems.end());
    std::vector<std::string> news;
    for (const std::string& problem : present) {
      if (present_.count(problem) == 0) news.push_back(problem);
    }
    present_ = std::move(present);
    return news;
  }

 private:
  std::set<std::string> present_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_MONITOR_PROBLEM_NEWS_H_
