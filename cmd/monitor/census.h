// Counts the nodes of a domain and their topics without any load on the publishers: no bell is armed and
// nothing is written.
#ifndef SMT_CMD_MONITOR_CENSUS_H_
#define SMT_CMD_MONITOR_CENSUS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shm/directory_cursor.h"
#include "shm/domain.h"
#include "shm/segment_view.h"
#include "shm/status.h"

namespace smt::cmd {

// One node, as of the last look.
struct Member {
  std::shared_ptr<SegmentView> segment;
  bool live = false;
  uint64_t epoch = 0;
  // BOOTTIME of the last sign of life: a live node's is the look itself. Of a node that was dead when it was
  // seen first: when it wrote its newest sample, or when its file was changed last where that cannot be told
  // (no sample, another boot).
  int64_t alive_ns = 0;
  uint64_t publications = 0;        // of all its topics, ever
  std::vector<std::string> topics;  // sorted
  std::vector<uint64_t> counters;   // by topic index
  DirectoryCursor directory;
  std::vector<std::string> names;  // by topic index; "": none
};

class Census {
 public:
  // What happened between two looks.
  enum class Event { kCame, kAdopted, kEnded, kDied, kGone };
  struct Change {
    Event event;
    std::string node;
  };

  explicit Census(Domain domain) : domain_(std::move(domain)) {}

  // Looks at the folder and at each segment. The first look has a kCame for each node that lives and none
  // for the dead. kSystem, kDenied: the folder cannot be read.
  Result<std::vector<Change>> look();

  // By name.
  const std::map<std::string, Member>& members() const { return members_; }
  // "node: why it cannot be read", of each segment left out.
  const std::vector<std::string>& problems() const { return problems_; }
  // Topics that several live nodes have published, with their names. A node may have a topic of its
  // predecessor that it does not publish itself.
  std::map<std::string, std::vector<std::string>> conflicts() const;

 private:
  void take(const std::string& node, std::vector<Change>* changes);
  static void count_topics(Member* member);

  Domain domain_;
  std::map<std::string, Member> members_;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_MONITOR_CENSUS_H_
