// The class that packets of a peer carry (DSCP), as the kernel counts it in a network namespace.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>

#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

constexpr int kPort = 7411;

struct Packets {
  uint64_t all = 0, marked = 0;
};

class Dscp : public RelayTest {
 protected:
  void SetUp() override {
    Process::Options options;
    options.through = {"unshare", "--net"};
    network_ = std::make_unique<Process>(
        std::vector<std::string>{"/bin/sh", "-c",
                                 "ip link set lo up && nft list ruleset && echo up; exec sleep 300"},
        options);
    if (geteuid() != 0 || !eventually([&] { return network_->ended() || is_up(); }) || !is_up())
      GTEST_SKIP() << "needs root, iproute2, nftables and network namespaces";
  }
  bool is_up() {
    network_->has_said("");
    return network_->output().find("up\n") != std::string::npos;
  }
  Process::Options inside() const {
    Process::Options options = env();
    options.through = {"nsenter", fmt::format("--net=/proc/{}/ns/net", network_->pid())};
    return options;
  }
  // Counts anew: what the listener sends, and what the dialling side sends. Resets do not count: the kernel
  // answers with one of no class to what comes for a socket that is closed already.
  void count() const {
    std::string rules = "flush ruleset\ntable inet smt {\n";
    for (const char* counter : {"sport_all", "sport_ef", "dport_all", "dport_ef"})
      rules += fmt::format("counter {} {{ }}\n", counter);
    rules += "chain in { type filter hook input priority 0;\n";
    for (const char* side : {"sport", "dport"}) {
      rules += fmt::format(
          "tcp flags & rst == rst accept\ntcp {0} {1} counter name {0}_all\ntcp {0} {1} ip dscp ef counter "
          "name {0}_ef\n"
          "tcp {0} {1} ip6 dscp ef counter name {0}_ef\n",
          side, kPort);
    }
    const Ended set = run_process({"/usr/sbin/nft", "-f", write("rules", rules + "}\n}\n")}, inside());
    ASSERT_EQ(set.exit_code, 0) << set.err;
  }
  Packets packets(const std::string& side) const {
    const Ended listed = run_process({"/usr/sbin/nft", "-j", "list", "counters"}, inside());
    std::map<std::string, uint64_t> counted;
    const Json all = Json::parse(listed.out);
    for (const Json& item : all["nftables"]) {
      if (item.contains("counter")) counted[item["counter"]["name"]] = item["counter"]["packets"];
    }
    return {counted[side + "_all"], counted[side + "_ef"]};
  }
  std::unique_ptr<Process> start_here(const std::vector<std::string>& args) const {
    auto process = std::make_unique<Process>(args, inside());
    process->wait_for_output("ready ");
    return process;
  }

  std::unique_ptr<Process> network_;
};

TEST_F(Dscp, IsThatOfAllPacketsOfTheSideThatSaysIt) {
  Process writer({"smtsinewave", "arm", "--domain", "robot"}, env());
  for (const char* host : {"127.0.0.1", "[::1]"}) {
    for (const bool listener : {true, false}) {
      for (const bool dialler : {true, false}) {
        SCOPED_TRACE(fmt::format("{} {} {}", host, listener, dialler));
        const std::string endpoint = fmt::format("tcp://{}:{}", host, kPort);
        const auto config = [&](const char* side, bool marks) {
          return write("config.toml", fmt::format("version = 1\n[[peer]]\n{} = '{}'\n{}", side, endpoint,
                                                  marks ? "dscp = 'ef'\n" : ""));
        };
        count();
        const auto pub =
            start_here({"smtrelay_pub", "--domain", "robot", "--config", config("bind", listener)});
        const auto sub =
            start_here({"smtrelay_sub", "--domain", "base", "--config", config("connect", dialler)});
        ASSERT_TRUE(becomes("base", "arm", State::kFresh));
        for (const int stop : {0, SIGTERM}) {
          if (stop != 0) {
            sub->send(stop);
            EXPECT_EQ(sub->wait().exit_code, 0);
          }
          // A packet between the two numbers of a side would be in one of them only: nft lists them at once.
          for (const auto& [side, marks] : {std::pair("sport", listener), std::pair("dport", dialler)}) {
            const Packets seen = packets(side);
            EXPECT_GE(seen.all, 4u) << side;
            EXPECT_EQ(seen.marked, marks ? seen.all : 0) << side;
          }
        }
        pub->send(SIGTERM);
        EXPECT_EQ(pub->wait().exit_code, 0);
        ASSERT_TRUE(becomes("base", "arm", State::kLinkDown));
      }
    }
  }
}

TEST_F(Dscp, IsToldByWhyAndChangesAtAListenerWithARestartOnly) {
  Process writer({"smtsinewave", "arm", "--domain", "robot"}, env());
  const std::string endpoint = fmt::format("tcp://127.0.0.1:{}", kPort);
  const auto config = [&](const std::string& dscp) {
    return write("pub.toml", fmt::format("version = 1\n[[peer]]\nbind = '{}'\ndscp = {}\n", endpoint, dscp));
  };
  const auto pub = start_here({"smtrelay_pub", "--domain", "robot", "--config", config("'ef'")});
  const auto why = [&] {
    return run_process({"smtrelay_client", "--connect", endpoint, "why", "arm"}, inside()).out;
  };
  const auto sub = start_here({"smtrelay_sub", "--domain", "base", "--connect", endpoint});
  ASSERT_TRUE(becomes("base", "arm", State::kFresh));
  EXPECT_THAT(why(), HasSubstr("in packets of DSCP ef"));
  config("45");
  pub->send(SIGHUP);
  pub->wait_for_error("the dscp of " + endpoint + " cannot change while the relay runs: restart it");
  EXPECT_THAT(why(), HasSubstr("in packets of DSCP ef")) << "everything is as it was";
  const Ended refused = run_process({"smtrelay_pub", "--check-config", "--config", config("64")}, inside());
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("pub.toml:4:8: dscp: 64 is out of range"));
}

}  // namespace
}  // namespace smt::tools
