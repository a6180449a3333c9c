// Robot, gateway and base: three hosts in one machine, as network namespaces joined at the gateway, and the
// three relays on them. Without root, or where the kernel has no namespaces, all three are the loopback.
// Either cable may be a bad one, see tests/tools/bad_cable.h.
#ifndef SMT_TESTS_HOSTS_HOSTS_H_
#define SMT_TESTS_HOSTS_HOSTS_H_

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shm/fd.h"
#include "shm/reader.h"
#include "storm/storm.h"
#include "tests/tools/bad_cable.h"
#include "tests/tools/process.h"

namespace smt::hosts {

using storm::await;
using storm::milliseconds;
using storm::print_figures;
using tools::BadCable;
using tools::Impairment;
using tools::Process;

enum class Host { kRobot, kGate, kBase };

// The namespaces have no names: the kernel removes them, and all that is in them, with the last process that
// holds them, however that ends.
class Hosts {
 public:
  // Prints why, if there are no namespaces.
  Hosts();

  bool isolated() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }

  // Where the gateway's relay listens, and where the relay of `from` finds it.
  std::string gate_bind() const;
  std::string gate(Host from) const;
  // An address of the gateway on its link to `from`, and an Internet socket on a host.
  const char* gate_address(Host from) const;
  Fd socket(Host on, int type) const;
  // Calls `f` while this thread, and what it begins, is in the network of a host.
  void on(Host host, const std::function<void()>& f) const;

  // `hidden`: the process sees an empty /dev/shm in place of the one that is there.
  std::unique_ptr<Process> start(Host on, const std::vector<std::string>& args,
                                 const Process::Options& options, bool hidden = false) const;

  // The link between `end` (robot or base) and the gateway.
  void cut(Host end) const;   // every packet is lost, both ways
  void heal(Host end) const;  // of cut()
  // Returns when packets pass again, or no more. Where all processors are busy a kernel may take tens of
  // seconds until it begins to use a link that is up.
  void link(Host end, bool up) const;
  void shape(Host end, const std::string& rate) const;  // both ways, by tbf
  // Packets from `end` are lost from now on, those to it pass: heal() ends it. With `reset` each gets an RST.
  void cut_one_way(Host end, bool reset) const;

  // Puts a bad cable in place of the good one between `end` and the gateway, before any process is started:
  // the same both ways until impair() says otherwise. False: there is no /dev/net/tun, see why_not().
  bool emulate(Host end, const Impairment& both);
  void impair(Host end, const Impairment& both) const;
  // What it did to packets. `up`: from `end` to the gateway.
  BadCable::Traffic traffic(Host end, bool up) const;

 private:
  void plug(Host end) const;
  void run(Host on, const std::string& command) const;
  bool running(Host on, const char* device) const;
  std::string why_not_;
  std::array<Fd, 3> namespaces_;
  std::array<std::unique_ptr<BadCable>, 3> bad_cables_;  // by the end that is not the gateway
  uint16_t port_ = 0;
};

// Processor time that it has used.
int64_t cpu_ns_of(pid_t pid);

// Three hosts with domains "robot" and "base" below `root`, and one relay on each host.
class Trio {
 public:
  explicit Trio(std::string root) : root_folder_(std::move(root)) {}

  // kill -9 and start anew; each waits for the line of `ready`.
  void start_pub();
  void start_proxy();
  void start_sub();
  void start_all();

  Domain in(const std::string& domain) const;
  Process::Options options() const;
  const Hosts& hosts() const { return hosts_; }

 protected:
  // Of each relay's environment, on top of the test's own.
  std::map<std::string, std::string> environment_;
  // Flags on top of those that make the three find each other.
  std::vector<std::string> pub_flags_, proxy_flags_, sub_flags_;
  bool hide_shm_from_proxy_ = false;

  Hosts hosts_;
  std::unique_ptr<Process> pub_, proxy_, sub_;

 private:
  std::unique_ptr<Process> spawn_on(Host on, std::vector<std::string> args,
                                    const std::vector<std::string>& more, bool hidden);
  const std::string root_folder_;
};

class HostsTest : public tools::ToolTest, protected Trio {
 protected:
  HostsTest() : Trio(root_) {}
};

// A program may be started without the host's /dev/shm. Not below a chroot: whoever comes back from a mount
// namespace stands in its real root.
bool may_hide_shm();

// The machine's load and its TCP's congestion control: what figures of time depend on beside the relay.
std::string load();

// Ends the test as skipped, with a row that says why.
#define SMT_SKIP_RELAY_TEST(why)                                                                             \
  do {                                                                                                       \
    print_row(                                                                                               \
        Row{.id = "R", .what = testing::UnitTest::GetInstance()->current_test_info()->name(), .skip = why}); \
    GTEST_SKIP() << why;                                                                                     \
  } while (false)

// Skips where the hosts are not apart.
#define SMT_NEED_NAMESPACES()                                      \
  do {                                                             \
    if (!hosts_.isolated()) SMT_SKIP_RELAY_TEST(hosts_.why_not()); \
  } while (false)

// The same where there are no TAP devices; else the cable to `end` is a bad one, of the Impairment that
// follows.
#define SMT_NEED_BAD_CABLE(end, ...)                                              \
  do {                                                                            \
    SMT_NEED_NAMESPACES();                                                        \
    if (!hosts_.emulate(end, __VA_ARGS__)) SMT_SKIP_RELAY_TEST(hosts_.why_not()); \
  } while (false)

}  // namespace smt::hosts

#endif  // SMT_TESTS_HOSTS_HOSTS_H_
