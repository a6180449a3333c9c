// SIGTERM, SIGINT and SIGHUP in whatever state: the tool ends within a second, with 0, and leaves at most its
// closed segment and the bell; with --remove-on-exit neither.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/node.h"
#include "tests/loopback.h"
#include "tests/row.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using Args = std::vector<std::string>;

constexpr int64_t kMaxNs = 1'000'000'000;
constexpr const char *kNowhere = "tcp://127.0.0.1:1", *kNoRoute = "tcp://192.0.2.1:7000";

class CleanStop : public KeyedTest {
 protected:
  CleanStop() {
    make_keys({"robot", "base"});
    acquaint_both("robot", "base");
  }
  // What lies in a domain, but for its own id and the FIFOs of waiters.
  std::set<std::string> files(const std::string& domain) const {
    std::set<std::string> out;
    const std::string folder = root_ + "/" + domain;
    if (domain.empty() || !fs::exists(folder)) return out;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      if (name[0] != '.') out.insert(name);
    }
    return out;
  }
  // Ends it by a signal. `before`: what lay in its domain; `stays`: whether its segments may.
  void stop(const std::string& state, Process* tool, int signal, const std::string& domain = "",
            const std::set<std::string>& before = {}, bool stays = true) {
    const int64_t begin = boottime_ns();
    tool->send(signal);
    const Ended ended = tool->wait();
    const int64_t took_ns = boottime_ns() - begin;
    max_ns_ = std::max(max_ns_, took_ns);
    ++stops_;
    bool right = ended.exit_code == 0 && took_ns < kMaxNs;
    EXPECT_EQ(ended.exit_code, 0) << state << ", signal " << signal << "\n" << ended.err;
    EXPECT_LT(took_ns, kMaxNs) << state << ", signal " << signal;
    std::set<std::string> names;
    for (std::string name : files(domain)) {
      if (before.count(name) != 0) continue;
      right = right && stays;
      EXPECT_TRUE(stays) << state << " leaves " << name;
      if (name.ends_with(".bell")) name.resize(name.size() - 5);
      names.insert(name);
    }
    // The mirror and the counters at most.
    right = right && names.size() <= 2;
    EXPECT_LE(names.size(), 2u) << state;
    wrong_ += !right;
  }
  // A relay in a domain of its own, in both ways to end.
  void relay(const std::string& state, const Args& args, const std::function<void(Relay&)>& then = {}) {
    for (const int signal : {SIGTERM, SIGINT}) {
      for (const bool remove : {false, true}) {
        if (args[0] == "smtrelay_proxy" && remove) continue;
        const std::string domain = "own" + std::to_string(++domains_);
        Args all = args;
        if (args[0] != "smtrelay_proxy") all.insert(all.end(), {"--domain", domain});
        if (remove) all.push_back("--remove-on-exit");
        Relay r = start(all);
        if (then) then(r);
        stop(state, r.process.get(), signal, domain, {}, !remove);
      }
    }
  }
  void tool(const std::string& state, const Args& args, const std::string& waits_for,
            const Process::Options& options) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
      Process p(args, options);
      if (!waits_for.empty()) p.wait_for_output(waits_for);
      // It has blocked the signals: else it would be ended by them.
      EXPECT_TRUE(eventually([&] { return blocks_signal(p.pid(), signal); })) << state;
      stop(state, &p, signal);
    }
  }

  uint64_t stops_ = 0, wrong_ = 0;
  int64_t max_ns_ = 0;
  int domains_ = 0;
};

// A connection that says nothing, or only how it begins.
Fd connect(const std::string& endpoint, const std::string& says) {
  Fd s = dial(port_of(endpoint));
  EXPECT_TRUE(s.ok());
  EXPECT_EQ(send(s.get(), says.data(), says.size(), MSG_NOSIGNAL), static_cast<ssize_t>(says.size()));
  return s;
}

TEST_F(CleanStop, IsWithinASecondInAnyState) {
  const std::string any = "tcp://127.0.0.1:*";
  // Nobody there, no network, nobody who answers.
  for (const char* name : {"smtrelay_pub", "smtrelay_sub", "smtrelay_proxy"}) {
    const std::string who = name;
    relay(who + " alone", {who, "--bind", any});
    relay(who + " dials a closed port", {who, "--bind", any, "--connect", kNowhere});
    relay(who + " dials without a route", {who, "--bind", any, "--connect", kNoRoute, "--insecure"});
    relay(who + " that never sleeps", {who, "--bind", any, "--spin"});
  }
  // In the midst of a handshake, on either side.
  uint16_t port = 0;
  const Fd deaf = bound(&port);
  ASSERT_EQ(listen(deaf.get(), 100), 0);
  const std::string silent = "tcp://127.0.0.1:" + std::to_string(port);
  relay("a handshake that is not answered",
        {"smtrelay_sub", "--keys", keys("base"), "--connect", silent + "#robot"});
  std::vector<Fd> strangers;
  const auto half = [&](Relay& r) {
    strangers.push_back(connect(r.endpoint(), ""));
    strangers.push_back(connect(r.endpoint(), std::string("\xff\0\0\0\0\0\0\0\1\x7f\3", 11)));
  };
  relay("handshakes half done", {"smtrelay_pub", "--keys", keys("robot"), "--bind", any}, half);

  // Peers, values, and peers that do not take them any more.
  const Process source({"smtsinewave", "ticks", "--rate", "1000", "--domain", "robot"}, env());
  Result<std::unique_ptr<Node>> node =
      Node::open(*Domain::open({.root = root_, .domain = "robot"}), {.name = "camera"});
  ASSERT_TRUE(node.ok());
  Result<Publisher> camera =
      (*node)->advertise({.name = "image", .schema = Schema::scalar(Type::kU8, 1 << 20)});
  ASSERT_TRUE(camera.ok());
  const std::vector<std::byte> image(1 << 20);
  std::atomic<bool> done{false};
  std::thread films([&] {
    for (; !done; poll(nullptr, 0, 5)) EXPECT_TRUE(camera->publish(image).ok());
  });
  EXPECT_TRUE(eventually([&] { return held("robot", "ticks").has_value(); }));
  for (const char* state : {"runs", "stands still", "is killed"}) {
    const std::string domain = std::string("peer-") + state[0];
    std::unique_ptr<Process> peer;
    const auto flows = [&](Relay& r) {
      peer = start({"smtrelay_sub", "--domain", domain, "--name", domain, "--connect", r.endpoint()}).process;
      EXPECT_TRUE(eventually([&] { return held(domain, "ticks").has_value(); }));
      if (state[0] != 'r') peer->send(state[0] == 's' ? SIGSTOP : SIGKILL);
    };
    for (const int signal : {SIGTERM, SIGINT}) {
      const std::set<std::string> before = files("robot");
      Relay pub = start({"smtrelay_pub", "--domain", "robot", "--bind", any, "--remove-on-exit"});
      flows(pub);
      stop(std::string("a subscriber ") + state, pub.process.get(), signal, "robot", before, false);
      peer.reset();
      Relay again = start({"smtrelay_pub", "--domain", "robot", "--bind", any});
      Relay gate = start({"smtrelay_proxy", "--bind", any, "--connect", again.endpoint()});
      flows(gate);
      stop(std::string("behind a proxy a subscriber ") + state, gate.process.get(), signal);
      peer.reset();
    }
  }
  // A publisher that stands still or is gone, seen by who takes.
  for (const int how : {SIGSTOP, SIGKILL}) {
    relay("a publisher by signal " + std::to_string(how), {"smtrelay_sub", "--bind", any}, [&](Relay& r) {
      Relay pub = start({"smtrelay_pub", "--domain", "robot", "--connect", r.endpoint()});
      EXPECT_TRUE(eventually([&] { return held("own" + std::to_string(domains_), "ticks").has_value(); }));
      pub.process->send(how);
    });
  }
  // While the configuration is read again.
  const std::string config = write("many.toml", [] {
    std::string text = "version = 1\n[[peer]]\nbind = 'tcp://127.0.0.1:*'\n";
    for (int i = 0; i < 500; ++i) text += "[[send]]\ntopic = 'a/" + std::to_string(i) + "/**'\n";
    return text;
  }());
  relay("a reload", {"smtrelay_pub", "--config", config}, [](Relay& r) {
    for (int i = 0; i < 3; ++i) r.process->send(SIGHUP);
  });

  // Those who only ask, and programs without a network.
  const Relay robot = start({"smtrelay_pub", "--domain", "robot", "--bind", any});
  const std::string pipe = root_ + "/stdin";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const Fd writer(open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  Process::Options from_pipe = env();
  from_pipe.stdin_path = pipe;
  const std::string at = robot.endpoint();
  tool("watch", {"smtrelay_client", "--connect", at, "watch", "ticks"}, "ticks", env());
  tool("get from nobody", {"smtrelay_client", "--connect", kNowhere, "--timeout", "60s", "get", "x"}, "",
       env());
  tool("get without a route",
       {"smtrelay_client", "--connect", kNoRoute, "--insecure", "--timeout", "60s", "list"}, "", env());
  tool(
      "a handshake of a client",
      {"smtrelay_client", "--connect", silent + "#robot", "--keys", keys("base"), "--timeout", "60s", "list"},
      "", env());
  const Relay writes = start({"smtrelay_sub", "--domain", "robot", "--name", "w", "--bind", any, "--config",
                              write("write.toml", "version = 1\n[[write]]\ntopic = 'cmd'\ntype = 'f64'\n")});
  tool("set from stdin", {"smtrelay_client", "--connect", writes.endpoint(), "set", "cmd", "-"}, "",
       from_pipe);
  tool("set again and again",
       {"smtrelay_client", "--connect", writes.endpoint(), "set", "cmd", "1", "--every", "50ms"}, "cmd = 1",
       env());
  tool("echo", {"smttopic", "echo", "ticks", "--domain", "robot"}, "ticks", env());
  tool("hz", {"smttopic", "hz", "ticks", "--domain", "robot"}, "", env());
  tool("a generator", {"smtsinewave", "wave", "--rate", "1000", "--domain", "wave"}, "", env());
  done = true;
  films.join();
  std::cout << "figures: stop: " << stops_ << " stops, the longest " << max_ns_ / 1'000'000 << " ms\n";
  smt::print_row(smt::Row{.id = "R21",
                          .what = "ended by a signal, in any state",
                          .n = stops_,
                          .violations = wrong_,
                          .max_ms = static_cast<double>(max_ns_) / 1e6});
}

}  // namespace
}  // namespace smt::tools
