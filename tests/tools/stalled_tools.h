// Tools whose words nobody reads, and how late a dead man fires meanwhile.
#ifndef SMT_TESTS_TOOLS_STALLED_TOOLS_H_
#define SMT_TESTS_TOOLS_STALLED_TOOLS_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "shm/clock.h"
#include "tests/lateness.h"
#include "tests/times.h"
#include "tests/tools/relay_domains.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {

class StalledTest : public RelayTest {
 protected:
  static constexpr int64_t kDeadManNs = 400 * kMs;

  std::string endpoint(const std::string& name) const { return "ipc://" + root_ + "/" + name + ".ipc"; }
  // A robot that binds its endpoint, and whose commands need renewal.
  std::string robot(const std::string& name = "robot") const {
    return write(name + ".toml", "version = 1\nname = '" + name + "'\n[[peer]]\nbind = '" + endpoint(name) +
                                     "'\n[[write]]\ntopic = 'cmd/**'\ntype = 'f64'\ndead_man = '400ms'\n"
                                     "[[write]]\ntopic = 'param/**'\ntype = 'f64'\ndead_man = '0s'\n");
  }
  static std::vector<std::string> counting(const std::string& domain) {
    return {"smtsinewave", "--domain", domain, "--rate", "100", "--max-age", "1s", "--history", "256", "x"};
  }
  std::vector<std::string> holding(const std::string& robot) const {
    return {"smtrelay_client", "--connect", endpoint(robot), "set", "cmd/speed", "5", "--every", "50ms"};
  }
  // How much later than its time the dead man has fired, by the last two samples of cmd/speed; -1: it has
  // not.
  int64_t dead_man_late_ns(const std::string& robot) const {
    Result<Domain> d = Domain::open({.root = root_, .domain = robot});
    if (!d.ok()) return -1;
    Result<Reader> reader = Reader::open(*d, "cmd/speed");
    if (!reader.ok() || !reader->refresh().ok() || reader->freshness().state != State::kSubstituted)
      return -1;
    int64_t before = 0, last = 0;
    while (const Sample* sample = reader->next()) {
      before = last;
      last = sample->born_ns;
    }
    return before == 0 ? -1 : last - before - kDeadManNs;
  }
  // How long it has taken.
  template <class Tool>
  static int64_t expect_end_within_a_second(Tool* tool) {
    EXPECT_TRUE(eventually([&] { return blocks_signal(tool->pid(), SIGTERM); }));
    const int64_t begin = boottime_ns();
    tool->send(SIGTERM);
    expect_good_end(tool);
    const int64_t took = boottime_ns() - begin;
    EXPECT_LT(took, kSecond);
    return took;
  }
  static void expect_good_end(Process* tool) { EXPECT_EQ(tool->wait().exit_code, 0); }
  static void expect_good_end(TerminalProcess* tool) { tool->wait(0); }
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_STALLED_TOOLS_H_
