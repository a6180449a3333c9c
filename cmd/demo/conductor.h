// The play: starts the publishers and the relay, watches the mirror, kills and restarts robot and proxy, and
// judges.
#ifndef SMT_CMD_DEMO_CONDUCTOR_H_
#define SMT_CMD_DEMO_CONDUCTOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/cli/stop.h"
#include "cmd/demo/child.h"
#include "cmd/demo/table.h"
#include "cmd/demo/watch.h"
#include "shm/domain.h"
#include "shm/waiter.h"

namespace smt::demo {

struct Check {
  bool ok;
  std::string what;
  std::string figure;
};

struct Verdict {
  std::vector<Check> checks;
  std::vector<Row> rows;
  double seconds = 0;
  bool interrupted = false;  // by SIGINT or SIGTERM: nothing is judged

  bool pass() const;
};

class Conductor {
 public:
  // `base` gets the mirror. The programs are started with the SMT_ROOT of this process, where it must lie;
  // the publishers write into the domain that SMT_DOMAIN names. `proxy`: endpoint to bind. `keys`: where keys
  // can be made. `replay`: a folder of CSV files for smtreplay, or "". Throws Failure.
  Conductor(const Domain& base, std::string proxy, std::string keys, double seconds, std::string replay,
            const cmd::Stop& stop, Table* table);

  // Throws Failure if a program cannot be started or ends before its time.
  Verdict run();

 private:
  void make_keys();
  // Starts a relay or client that dials the proxy with a key of its own.
  Child dial(const std::string& program, const std::string& key, std::vector<std::string> more) const;
  void kill_robot();
  void restart_robot();
  void kill_proxy();
  void restart_proxy();
  void start_proxy();
  void ask_once();
  void ask_without_key();
  void judge_match();
  void judge_replay();
  void judge_topics();
  void end_all();

  // Waits at most `wait_ms` for something to read, reads all topics, and lets the table follow.
  void step(int64_t wait_ms = 20);
  // Steps until `seconds` after the start, or a signal.
  void until(double seconds);
  // Steps until all of `topics` are in `state`, and returns the milliseconds since `since_ns`. Nothing after
  // two seconds, or at a signal.
  std::optional<double> become(const std::vector<const std::vector<Watch>*>& topics, State state,
                               int64_t since_ns);
  uint64_t reopened();
  // Opens topics of the replay that are not watched yet.
  void find_replay();
  void expect(bool ok, std::string what, std::string figure) {
    verdict_.checks.push_back({ok, std::move(what), std::move(figure)});
  }
  std::vector<Row> rows() const;

  Domain domain_;
  std::string proxy_, keys_;
  double seconds_;
  std::string replay_;
  const cmd::Stop& stop_;
  Table* table_;
  Waiter waiter_;
  int64_t start_ns_;
  int64_t looked_ns_ = 0, shown_ns_ = 0;
  std::vector<Watch> host_, robot_, replayed_;
  Reader match_;
  std::optional<Child> host_program_, robot_program_, replay_program_;
  std::optional<Child> pub_, proxy_program_, sub_, match_program_;
  Verdict verdict_;
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_CONDUCTOR_H_
