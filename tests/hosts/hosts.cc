#include "tests/hosts/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "tests/loopback.h"

namespace smt::storm {
const std::map<std::string, Mode> kModes = {};  // these programs have no children of their own
}

namespace smt::hosts {
namespace {

size_t index_of(Host host) { return static_cast<size_t>(host); }

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + strerror(errno)); }

// This thread is in another namespace until the end of the block.
class Inside {
 public:
  explicit Inside(const Fd& network) : back_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (!back_.ok() || setns(network.get(), CLONE_NEWNET) != 0) fail("entering a network namespace");
  }
  ~Inside() {
    if (setns(back_.get(), CLONE_NEWNET) != 0) abort();
  }

 private:
  Fd back_;
};

// This thread sees an empty /dev/shm until the end of the block.
class WithoutShm {
 public:
  WithoutShm() : back_(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)) {
    const bool done = back_.ok() && unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      mount("tmpfs", "/dev/shm", "tmpfs", MS_RDONLY, "size=4k") == 0;
    if (!done) fail("making a mount namespace");
  }
  ~WithoutShm() {
    if (setns(back_.get(), CLONE_NEWNS) != 0) abort();
  }

 private:
  Fd back_;
};

}  // namespace

bool may_hide_shm() {
  struct statx root;
  return statx(AT_FDCWD, "/", 0, 0, &root) == 0 && (root.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

namespace {

Fd new_network() {
  const Fd back(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!back.ok() || unshare(CLONE_NEWNET) != 0) return Fd();
  Fd made(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (setns(back.get(), CLONE_NEWNET) != 0) abort();
  return made;
}

std::string path(const Fd& fd) {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd.get());
}

uint16_t free_port() {
  uint16_t port = 0;
  if (!bound(&port).ok()) fail("looking for a free port");
  return port;
}

// Names and addresses of a link's two ends.
struct Cable {
  const char *gate_end, *far_end, *gate_address, *far_address;
};
const Cable& cable_of(Host end) {
  static constexpr Cable kRobot{"to-robot", "to-gate", "10.77.1.1", "10.77.1.2"};
  static constexpr Cable kBase{"to-base", "to-gate", "10.77.2.1", "10.77.2.2"};
  return end == Host::kRobot ? kRobot : kBase;
}

}  // namespace

Hosts::Hosts() {
  for (const char* tool : {"ip", "tc", "nft"}) {
    if (system((std::string("command -v ") + tool + " >/dev/null").c_str()) != 0) {
      why_not_ = std::string("no network namespaces: the command ") + tool + " is missing";
    }
  }
  for (Fd& network : namespaces_) {
    if (!why_not_.empty()) break;
    network = new_network();
    if (!network.ok()) why_not_ = std::string("no network namespaces: ") + strerror(errno);
  }
  if (!isolated()) {
    print_figures("{}", why_not_);
    port_ = free_port();
    return;
  }
  port_ = 7000;
  for (const Host host : {Host::kRobot, Host::kGate, Host::kBase}) run(host, "ip link set lo up");
  for (const Host end : {Host::kRobot, Host::kBase}) {
    const Cable& c = cable_of(end);
    run(Host::kGate, fmt::format("ip link add {} type veth peer name {} netns {}", c.gate_end, c.far_end,
                                 path(namespaces_[index_of(end)])));
    plug(end);
  }
}

void Hosts::plug(Host end) const {
  const Cable& c = cable_of(end);
  run(Host::kGate, fmt::format("ip address add {}/24 dev {}", c.gate_address, c.gate_end));
  run(end, fmt::format("ip address add {}/24 dev {}", c.far_address, c.far_end));
  link(end, true);
}

bool Hosts::emulate(Host end, const Impairment& both) {
  const Cable& c = cable_of(end);
  run(Host::kGate, fmt::format("ip link delete {}", c.gate_end));
  const auto tap = [&](Host on, const char* name) {
    const Inside inside(namespaces_[index_of(on)]);
    return tools::open_tap(name, &why_not_);
  };
  Fd gate = tap(Host::kGate, c.gate_end), far = tap(end, c.far_end);
  if (!gate.ok() || !far.ok()) {
    print_figures("{}", why_not_);
    return false;
  }
  // Only the cable is to lose packets, not the queue in front of it.
  run(Host::kGate, fmt::format("ip link set {} txqueuelen 10000", c.gate_end));
  run(end, fmt::format("ip link set {} txqueuelen 10000", c.far_end));
  plug(end);
  bad_cables_[index_of(end)] =
      std::make_unique<BadCable>(std::move(far), std::move(gate), both, storm::random_engine()());
  return true;
}

void Hosts::impair(Host end, const Impairment& both) const {
  for (const BadCable::End from : {BadCable::kA, BadCable::kB})
    bad_cables_[index_of(end)]->impair(from, both);
}

BadCable::Traffic Hosts::traffic(Host end, bool up) const {
  return bad_cables_[index_of(end)]->traffic(up ? BadCable::kA : BadCable::kB);
}

void Hosts::run(Host on, const std::string& command) const {
  const Inside inside(namespaces_[index_of(on)]);
  if (system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

std::string Hosts::gate_bind() const {
  return fmt::format("tcp://{}:{}", isolated() ? "0.0.0.0" : "127.0.0.1", port_);
}

const char* Hosts::gate_address(Host from) const {
  return isolated() ? cable_of(from).gate_address : "127.0.0.1";
}

std::string Hosts::gate(Host from) const { return fmt::format("tcp://{}:{}", gate_address(from), port_); }

void Hosts::on(Host host, const std::function<void()>& f) const {
  std::optional<Inside> inside;
  if (isolated()) inside.emplace(namespaces_[index_of(host)]);
  f();
}

Fd Hosts::socket(Host on, int type) const {
  Fd made;
  this->on(on, [&] { made = Fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)); });
  return made;
}

std::unique_ptr<Process> Hosts::start(Host on, const std::vector<std::string>& args,
                                      const Process::Options& options, bool hidden) const {
  std::optional<Inside> inside;
  if (isolated()) inside.emplace(namespaces_[index_of(on)]);
  std::optional<WithoutShm> without;
  if (hidden) without.emplace();
  return std::make_unique<Process>(args, options);
}

void Hosts::cut(Host end) const {
  const char* device = cable_of(end).gate_end;
  const std::string table = fmt::format("inet cut_{}", device + 3);
  run(Host::kGate, fmt::format("nft 'add table {0}; "
                               "add chain {0} in {{ type filter hook input priority 0; }}; "
                               "add chain {0} out {{ type filter hook output priority 0; }}; "
                               "add rule {0} in iifname {1} drop; add rule {0} out oifname {1} drop'",
                               table, device));
}

void Hosts::cut_one_way(Host end, bool reset) const {
  const char* device = cable_of(end).gate_end;
  run(Host::kGate,
      fmt::format("nft 'add table inet cut_{0}; "
                  "add chain inet cut_{0} in {{ type filter hook input priority 0; }}; "
                  "add rule inet cut_{0} in iifname {1} {2}'",
                  device + 3, device, reset ? "meta l4proto tcp reject with tcp reset" : "drop"));
}

void Hosts::heal(Host end) const {
  run(Host::kGate, fmt::format("nft delete table inet cut_{}", cable_of(end).gate_end + 3));
}

void Hosts::link(Host end, bool up) const {
  const Cable& c = cable_of(end);
  const char* state = up ? "up" : "down";
  run(Host::kGate, fmt::format("ip link set {} {}", c.gate_end, state));
  run(end, fmt::format("ip link set {} {}", c.far_end, state));
  const auto passes = [&] { return running(Host::kGate, c.gate_end) && running(end, c.far_end); };
  if (up && !await(milliseconds(100'000), passes)) throw std::runtime_error("the link does not come up");
}

bool Hosts::running(Host on, const char* device) const {
  ifreq request{};
  strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  return ioctl(socket(on, SOCK_DGRAM).get(), SIOCGIFFLAGS, &request) == 0 &&
         (request.ifr_flags & IFF_RUNNING) != 0;
}

void Hosts::shape(Host end, const std::string& rate) const {
  const Cable& c = cable_of(end);
  const std::string tbf = fmt::format("root tbf rate {} burst 16kb latency 200ms", rate);
  run(Host::kGate, fmt::format("tc qdisc replace dev {} {}", c.gate_end, tbf));
  run(end, fmt::format("tc qdisc replace dev {} {}", c.far_end, tbf));
}

int64_t cpu_ns_of(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    ADD_FAILURE() << "no processor time of process " << pid;
  }
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

std::string load() {
  std::ifstream file("/proc/loadavg");
  std::string one, five, fifteen, running;
  file >> one >> five >> fifteen >> running;
  std::ifstream control("/proc/sys/net/ipv4/tcp_congestion_control");
  std::string tcp;
  control >> tcp;
  return fmt::format("load {}, running {}, tcp {}", one, running, tcp);
}

Domain Trio::in(const std::string& domain) const {
  return storm::must(Domain::open({.root = root_folder_, .domain = domain}));
}

Process::Options Trio::options() const {
  Process::Options options{.env = environment_};
  options.env.emplace("SMT_ROOT", root_folder_);
  return options;
}

std::unique_ptr<Process> Trio::spawn_on(Host on, std::vector<std::string> args,
                                        const std::vector<std::string>& more, bool hidden) {
  if (hosts_.isolated()) args.push_back("--insecure");
  args.insert(args.end(), more.begin(), more.end());
  std::unique_ptr<Process> process = hosts_.start(on, args, options(), hidden);
  process->wait_for_output("ready ");
  return process;
}

void Trio::start_pub() {
  pub_.reset();
  pub_ = spawn_on(
      Host::kRobot,
      {"smtrelay_pub", "--domain", "robot", "--name", "robot", "--connect", hosts_.gate(Host::kRobot)},
      pub_flags_, false);
}

void Trio::start_proxy() {
  proxy_.reset();
  proxy_ = spawn_on(Host::kGate, {"smtrelay_proxy", "--name", "gate", "--bind", hosts_.gate_bind()},
                    proxy_flags_, hide_shm_from_proxy_);
}

void Trio::start_sub() {
  sub_.reset();
  sub_ =
      spawn_on(Host::kBase,
               {"smtrelay_sub", "--domain", "base", "--name", "base", "--connect", hosts_.gate(Host::kBase)},
               sub_flags_, false);
}

void Trio::start_all() {
  start_proxy();
  start_pub();
  start_sub();
}

}  // namespace smt::hosts
