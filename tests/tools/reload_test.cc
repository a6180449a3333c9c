// Other peers by SIGHUP, from outside: those that stay do not notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <optional>

#include "shm/reader.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

// A robot whose relay binds for base; base takes each sample in order.
class ReloadPeers : public RelayTest {
 protected:
  void SetUp() override {
    path_ = write("robot.toml", config(""));
    robot_ = start({"smtrelay_pub", "--domain", "robot", "--config", path_});
    const std::string every = write("every.toml", "version = 1\n[[receive]]\nmode = 'every'\n");
    base_ = sub(address("base"), {"--config", every});
    source_.emplace(std::vector<std::string>{"smtsinewave", "ticks", "--rate", "1000", "--history", "65536",
                                             "--domain", "robot"},
                    env());
    ASSERT_TRUE(eventually([&] { return held("base", "ticks").has_value(); }));
    Result<Reader> reader = Reader::open(*Domain::open({.root = root_, .domain = "base"}), "ticks");
    ASSERT_TRUE(reader.ok());
    reader_.emplace(std::move(*reader));
  }

  std::string address(const std::string& name) const { return "ipc://" + root_ + "/" + name + ".link"; }
  std::string bind(const std::string& name, const std::string& more = "") const {
    return "[[peer]]\nbind = '" + address(name) + "'\n" + more;
  }
  // With the peer for base, which is always there, and others.
  std::string config(const std::string& others, const std::string& of_base = "") const {
    return "version = 1\nname = 'robot'\n" + others + bind("base", of_base);
  }
  // At once: the relay may be reading it.
  void replace(const std::string& config) const { std::filesystem::rename(write("new.toml", config), path_); }
  // `outcome`: what the log says that it has not said before.
  void reload(const std::string& config, const std::string& outcome) {
    replace(config);
    robot_.process->send(SIGHUP);
    robot_.process->wait_for_error(outcome);
  }
  Relay start_visitor(const std::string& endpoint) const {
    return start({"smtrelay_sub", "--domain", "visitor", "--name", "visitor", "--connect", endpoint});
  }
  // Each sample has come, over the one session, once the reader has seen so many more.
  void expect_no_gap() {
    const uint64_t seen = seen_;
    EXPECT_TRUE(eventually([&] {
      while (const Sample* tick = reader_->next()) {
        EXPECT_TRUE(last_ == 0 || tick->sequence == last_ + 1) << tick->sequence << " after " << last_;
        last_ = tick->sequence;
        ++seen_;
      }
      return seen_ >= seen + 100;
    }));
    EXPECT_EQ(reader_->missed(), 0u);
    EXPECT_EQ(counter("base", "smt/relay/base/sub/session", "ended"), 0u);
  }
  // A second after the fact: the counters come once a second.
  bool counts(const std::string& field, uint64_t count) const {
    return eventually([&] { return counter("robot", "smt/relay/robot/pub/session", field) == count; });
  }

  std::string path_;
  Relay robot_, base_;

 private:
  std::optional<Process> source_;
  std::optional<Reader> reader_;
  uint64_t seen_ = 0, last_ = 0;
};

TEST_F(ReloadPeers, OneThatIsAddedComesUpAndOneThatIsRemovedGoesAndTheOtherHasNoGap) {
  reload(config(bind("visitor")), "peers: 1 added, 0 removed, 0 changed");
  const Relay visitor = start_visitor(address("visitor"));
  ASSERT_TRUE(eventually([&] { return held("visitor", "ticks").has_value(); }));
  expect_no_gap();
  reload(config("", "bytes_per_s = '10M'\n"), "peers: 0 added, 1 removed, 1 changed");
  EXPECT_TRUE(becomes("visitor", "ticks", State::kLinkDown));
  EXPECT_TRUE(eventually([&] { return counter("visitor", "smt/relay/visitor/sub/session", "ended") == 1; }));
  EXPECT_EQ(counter("visitor", "smt/relay/visitor/sub/session", "silent"), 0u) << "it was told";
  expect_no_gap();
  EXPECT_TRUE(counts("opened", 2));
}

TEST_F(ReloadPeers, OneThatDialsIsAddedAndRemovedToo) {
  const Relay gate = proxy();
  reload(config("[[peer]]\nconnect = '" + gate.endpoint() + "'\n"), "peers: 1 added");
  const auto listed = [&] { return client(gate.endpoint(), {"get", "ticks"}).exit_code == 0; };
  EXPECT_TRUE(eventually(listed));
  reload(config(""), "peers: 0 added, 1 removed");
  EXPECT_TRUE(eventually([&] { return counter("robot", "smt/relay/robot/pub/session", "ended") == 1; }));
  expect_no_gap();
}

TEST_F(ReloadPeers, AnEndpointThatIsTakenKeepsAllAsItWas) {
  const Relay other =
      start({"smtrelay_pub", "--domain", "other", "--name", "other", "--bind", "tcp://127.0.0.1:*"});
  reload(config(bind("visitor")), "peers: 1 added, 0 removed, 0 changed");
  const Relay visitor = start_visitor(address("visitor"));
  ASSERT_TRUE(eventually([&] { return held("visitor", "ticks").has_value(); }));
  // The visitor's peer would go, another come up, and the rules name nothing any more.
  reload(config(bind("new") + "[[peer]]\nbind = '" + other.endpoint() + "'\n") + "[[send]]\ntopic = 'none'\n",
         path_ + ": cannot bind " + other.endpoint() + ": another process has the port");
  robot_.process->wait_for_error(path_ + " is not taken: everything stays as it was");
  expect_no_gap();
  EXPECT_EQ(held("visitor", "ticks")->freshness.state, State::kFresh);
  EXPECT_EQ(counter("visitor", "smt/relay/visitor/sub/session", "ended"), 0u);
  EXPECT_NE(client(address("new"), {"--timeout", "300ms", "get", "ticks"}).exit_code, 0)
      << "what was bound for it is given back";
  // And the next one that is right is taken, the same endpoint too.
  reload(config(bind("new")), "peers: 1 added, 1 removed, 0 changed");
  EXPECT_TRUE(eventually([&] { return client(address("new"), {"get", "ticks"}).exit_code == 0; }));
  expect_no_gap();
}

TEST_F(ReloadPeers, FiftyReloadsInARowLoseNothingOfThePeerThatStays) {
  for (int i = 0; i < 50; ++i) {
    // Another order, another cap, another peer, other rules; some signals fall together.
    const std::string send = i % 4 < 2 ? "[[send]]\n" : "[[send]]\ntopic = 'ticks'\n[[send]]\n";
    const std::string name = "n" + std::to_string(i), rest = bind(name, "compress = true\n");
    replace(config(rest, i % 2 == 0 ? "" : "bytes_per_s = '20M'\n") + send);
    robot_.process->send(SIGHUP);
    if (i % 5 != 0) robot_.process->wait_for_error(address(name));
    if (HasFatalFailure()) return;
  }
  expect_no_gap();
  reload(config(bind("last")), address("last"));
  EXPECT_TRUE(eventually([&] { return client(address("last"), {"get", "ticks"}).exit_code == 0; }));
  expect_no_gap();
  base_.process->send(SIGTERM);
  EXPECT_THAT(base_.process->wait().err, Not(HasSubstr("is gone")));
  robot_.process->send(SIGTERM);
  const Ended ended = robot_.process->wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, Not(HasSubstr("is not taken")));
}

}  // namespace
}  // namespace smt::tools
