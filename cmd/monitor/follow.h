// Every sample of every topic that a set of patterns names, those that appear later too.
#ifndef SMT_CMD_MONITOR_FOLLOW_H_
#define SMT_CMD_MONITOR_FOLLOW_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cmd/monitor/problem_news.h"
#include "cmd/text/log_sink.h"
#include "relay/names/pattern_set.h"
#include "shm/directory_cursor.h"
#include "shm/domain.h"
#include "shm/reader.h"
#include "shm/waiter.h"

namespace smt::cmd {

// Opens the domain without making its folder. Where there is none yet, waits for it, with a line to `log`,
// until `deadline_ns` or until `stop_fd` can be read: kNotFound then. `*waited`: it was not there at once.
Result<Domain> wait_for_domain(DomainOptions options, int stop_fd, int64_t deadline_ns, const LogSink& log,
                               bool* waited = nullptr);

// Sleeps until something was published after the waiter's last collect(), `stop_fd` can be read, or it is
// `deadline_ns`; at most as long as the waiter may. Then collects, and warns of each new segment that cannot
// be read.
class Sleeper {
 public:
  explicit Sleeper(LogSink log) : log_(std::move(log)) {}

  void sleep(Waiter* waiter, int stop_fd, int64_t deadline_ns);
  // Logs those of the present problems that the last call did not have.
  void warn(const std::vector<std::string>& problems);

 private:
  LogSink log_;
  ProblemNews news_;
};

class Follower {
 public:
  struct Topic {
    Reader reader;
    Schema schema;  // as of the last look at the name
  };

  // `begin`: of topics that are there now. Those that appear later begin as Begin::kFirst.
  static Result<Follower> open(const Domain& domain, relay::PatternSet patterns, Begin begin,
                               const LogSink& log);

  // The topics found so far, by name.
  std::map<std::string, Topic>& topics() { return topics_; }

  // Looks for new topics, then calls `take` for each sample not taken yet, topic by topic, each topic's in
  // order. At most 1024 of a topic at once, so that one that is published faster than it can be taken does
  // not keep this from returning; if more() then, the next call goes on. False: `take` returned false, which
  // ends it at once.
  using Take = std::function<bool(const std::string& name, Topic& topic, const Sample& sample)>;
  bool drain(const Take& take);
  bool more() const { return !changed_.empty(); }
  // Of this topic more may be there.
  bool has_more(const std::string& topic) const;

  // Returns at once if there is more().
  void sleep(int stop_fd, int64_t deadline_ns) {
    sleeper_.sleep(&waiter_, stop_fd, more() ? 0 : deadline_ns);
  }

 private:
  struct Node {
    std::shared_ptr<SegmentView> segment;
    DirectoryCursor directory;
    std::vector<Topic*> topics;  // by index; null: not matched, or dead
    std::vector<uint64_t> seen;
  };

  Follower(const Domain& domain, relay::PatternSet patterns, Begin begin, Waiter waiter, const LogSink& log)
      : domain_(domain),
        patterns_(std::move(patterns)),
        begin_(begin),
        waiter_(std::move(waiter)),
        sleeper_(log) {}
  void look();
  void resolve(Node* node);
  Topic* find_topic(const std::string& name);

  Domain domain_;
  relay::PatternSet patterns_;
  Begin begin_;  // of the next topic that is found
  Waiter waiter_;
  Sleeper sleeper_;
  std::map<const SegmentView*, Node> nodes_;
  std::map<std::string, Topic> topics_;
  std::vector<std::string> changed_;  // topics to look at beside those whose counters moved
};

}  // namespace smt::cmd

#endif  // SMT_CMD_MONITOR_FOLLOW_H_
