// Robot, gateway and base: three hosts in one machine, as network namespaces joined at the gateway, and the
// three relays on them. Without root, or where the kernel has no namespaces, all three are the loopback.
#ifndef SMT_TESTS_RELAY_HOSTS_H_
#define SMT_TESTS_RELAY_HOSTS_H_

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shm/fd.h"
#include "shm/reader.h"
#include "storm/storm.h"
#include "tests/tools/process.h"

namespace smt::hosts {

using storm::Await;
using storm::Figures;
using storm::milliseconds;
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

  // `hidden`: the process sees an empty /dev/shm in place of the one that is there.
  std::unique_ptr<Process> start(Host on, const std::vector<std::string>& args,
                                 const Process::Options& options, bool hidden = false) const;

  // The link between `end` (robot or base) and the gateway.
  void cut(Host end) const;   // every packet is lost, both ways
  void heal(Host end) const;  // of cut()
  void link(Host end, bool up) const;
  void shape(Host end, const std::string& rate) const;  // both ways, by tbf

 private:
  void Run(Host on, const std::string& command) const;
  std::string why_not_;
  std::array<Fd, 3> namespaces_;
  uint16_t port_ = 0;
};

// A line of /proc/PID/status, as "VmRSS" or "RssAnon".
uint64_t MemoryBytes(pid_t pid, const std::string& what);
// Processor time that it has used.
int64_t CpuNs(pid_t pid);

// Domains "robot" and "base", and one relay on each host.
class HostsTest : public tools::ToolTest {
 protected:
  HostsTest();

  // kill -9 and start anew; each waits for the line of `ready`.
  void start_pub();
  void start_proxy();
  void start_sub();
  void start_all();

  Domain in(const std::string& domain) const;
  Process::Options options() const { return env(); }
  // Flags on top of those that make the three find each other.
  std::vector<std::string> pub_flags_, proxy_flags_, sub_flags_;
  bool hide_shm_from_proxy_ = false;

  Hosts hosts_;
  std::unique_ptr<Process> pub_, proxy_, sub_;

 private:
  std::unique_ptr<Process> Start(Host on, std::vector<std::string> args, const std::vector<std::string>& more,
                                 bool hidden);
};

// A program may be started without the host's /dev/shm. Not below a chroot: whoever comes back from a mount
// namespace stands in its real root.
bool MayHideShm();

// Ends the test (as skipped) where the hosts are not apart.
#define SMT_NEED_NAMESPACES()                                 \
  do {                                                        \
    if (!hosts_.isolated()) GTEST_SKIP() << hosts_.why_not(); \
  } while (false)

}  // namespace smt::hosts

#endif  // SMT_TESTS_RELAY_HOSTS_H_
