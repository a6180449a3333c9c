// The housekeeping of smtcore: it removes what dead nodes left, logs nodes that come, go or are in conflict,
// and publishes its counts.
#ifndef SMT_CMD_CORE_HOUSEKEEPING_H_
#define SMT_CMD_CORE_HOUSEKEEPING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cmd/monitor/census.h"
#include "cmd/monitor/problem_news.h"
#include "relay/names/pattern_set.h"
#include "shm/domain.h"
#include "shm/node.h"
#include "shm/status.h"
#include "shm/topic.h"

namespace smt::cmd {

inline constexpr char kCoreNode[] = "smtcore";

// Topic smt/core/domain. Without smtcore's own node.
struct DomainStatistics {
  uint64_t nodes_live, nodes_dead;
  uint64_t topics;        // of live nodes
  uint64_t conflicts;     // topics that several live nodes publish
  uint64_t publications;  // of the nodes that are there, ever
  uint64_t reserved_bytes;
  uint64_t folder_bytes, folder_free_bytes;      // of the file system that the domain is on
  uint64_t came, adopted, ended, died, removed;  // since smtcore began
  uint64_t unreadable;                           // segments
};

// Topic smt/core/node/<name>.
struct NodeStatistics {
  uint64_t live;  // 1 or 0
  uint64_t pid, epoch, topics, publications, reserved_bytes;
  uint64_t half_written;  // samples in which it was killed
};

struct HousekeepingRules {
  // A node is removed that has been dead for so long. Nothing: never.
  std::optional<int64_t> remove_after_ns;
  std::vector<std::string> keep;  // patterns of nodes that are not removed
  std::vector<std::string> only;  // patterns of nodes that may be removed; none: all
  bool tells = true;              // who comes
};

class Housekeeping {
 public:
  // kInvalid: a pattern.
  static Result<Housekeeping> open(const Domain& domain, const HousekeepingRules& rules);

  // Looks, logs what happened since the last time, and removes what is due.
  Status step();

  const Census& census() const { return census_; }
  // Those that the last step() removed, as they were.
  const std::map<std::string, Member>& removed() const { return removed_; }
  DomainStatistics statistics() const;

 private:
  Housekeeping(Domain domain, HousekeepingRules rules)
      : domain_(domain), census_(domain), rules_(std::move(rules)) {}
  void log_changes(const std::vector<Census::Change>& changes);
  void log_conflicts();
  bool due(const std::string& node, const Member& member) const;

  Domain domain_;
  Census census_;
  HousekeepingRules rules_;
  relay::PatternSet keep_, only_;
  std::map<std::string, Member> removed_;
  std::map<std::string, std::vector<std::string>> conflicts_;
  ProblemNews news_;            // of the census
  std::set<std::string> told_;  // why a node could not be removed
  DomainStatistics counted_{};  // came, adopted, ended, died, removed
};

// Publishes as node smtcore what has changed.
class StatisticsTopics {
 public:
  // kInUse: another smtcore has this domain; the message says which.
  static Result<StatisticsTopics> open(const Domain& domain);
  Status publish(const Housekeeping& housekeeping);
  Node* node() { return node_.get(); }

 private:
  template <class T>
  struct Shown {
    Topic<T> topic;
    T value;
  };
  explicit StatisticsTopics(std::unique_ptr<Node> node) : node_(std::move(node)) {}

  std::unique_ptr<Node> node_;
  std::optional<Shown<DomainStatistics>> domain_;
  std::map<std::string, std::optional<Shown<NodeStatistics>>> nodes_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CORE_HOUSEKEEPING_H_
