// Keys that are taken away or changed while values stream, in figures: how long a peer that is not known any
// more still gets values, and what the others notice of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "shm/clock.h"
#include "tests/row.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

constexpr int kRounds = 3;
constexpr int64_t kUsualGapNs = 250'000'000, kMaxGapNs = 1'000'000'000;
// A greeting, and what a handshake answers to who is not let in.
constexpr uint64_t kRefusal = 64 + 256;

double ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

// Takes each sample of a mirror in order.
struct Follower {
  Reader reader;
  uint64_t seen = 0, missed = 0, not_fresh = 0;
  int64_t last_ns = 0, gap_ns = 0;  // when the newest was written; between two

  // Whether there was anything new.
  bool look() {
    const uint64_t before = seen;
    while (const Sample* s = reader.next()) {
      if (seen != 0) {
        gap_ns = std::max(gap_ns, s->written_ns - last_ns);
        missed += s->missed;
      }
      last_ns = s->written_ns;
      ++seen;
    }
    not_fresh += seen != 0 && reader.state() != State::kFresh;
    return seen != before;
  }
};

class Revocation : public KeyedTest {
 protected:
  // A robot with a topic of 1000 values a second, and base, which follows it.
  void begin() {
    base_.reset();
    for (Relay* relay : {&mallory_, &base_relay_, &pub_}) *relay = Relay();
    source_.reset();
    for (const char* folder : {"keys", "robot", "base", "mallory"})
      std::filesystem::remove_all(root_ + "/" + folder);
    make_keys({"robot", "base", "mallory"});
    acquaint_both("robot", "base");
    acquaint_both("robot", "mallory");
    source_.emplace(std::vector<std::string>{"smtsinewave", "ticks", "--rate", "1000", "--history", "65536",
                                             "--domain", "robot"},
                    env());
    pub_ = robot();
    const std::string every =
        write("every.toml", "version = 1\n[[receive]]\nmode = 'every'\nmax_age = '1s'\n");
    base_relay_ = start({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--config", every,
                         "--connect", pub_.endpoint()});
    base_ = follow("base");
    ASSERT_TRUE(eventually([&] { return base_->look(); }));
  }
  std::optional<Follower> follow(const std::string& domain) const {
    std::optional<Follower> out;
    EXPECT_TRUE(eventually([&] { return held(domain, "ticks").has_value(); }));
    Result<Reader> reader = Reader::open(*Domain::open({.root = root_, .domain = domain}), "ticks");
    EXPECT_TRUE(reader.ok());
    out.emplace(Follower{std::move(*reader)});
    return out;
  }
  // Base is followed meanwhile.
  bool until(const std::function<bool()>& condition) {
    return eventually([&] {
      base_->look();
      return condition();
    });
  }
  bool until_more() {
    const uint64_t seen = base_->seen;
    return until([&] { return base_->seen > seen + 300; });
  }

  std::optional<Process> source_;
  Relay pub_, base_relay_, mallory_;
  std::optional<Follower> base_;
};

TEST_F(Revocation, EndsTheStreamToThatPeerAndNobodyElses) {
  int64_t last_ns = 0, gap_ns = 0;
  uint64_t wrong = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    begin();
    const std::string endpoint = pub_.endpoint();
    ChaosProxy wire(port_of(endpoint), 1);
    mallory_ = mirror("mallory", "tcp://127.0.0.1:" + std::to_string(wire.port()) + "#robot");
    std::optional<Follower> mallory = follow("mallory");
    ASSERT_TRUE(until([&] { return mallory->look() && mallory->seen > 100; }));
    base_->gap_ns = 0;
    std::filesystem::remove(keys("robot") + "/peers/mallory.pub");
    const int64_t reloaded = boottime_ns();
    pub_.process->send(SIGHUP);
    ASSERT_TRUE(until([&] {
      mallory->look();
      return mallory->reader.state() == State::kLinkDown;
    }));
    // What it dials from now on ends in the handshake.
    const ChaosProxy::Counts before = wire.counts();
    ASSERT_TRUE(until([&] { return wire.counts().connections >= before.connections + 1; }));
    const ChaosProxy::Counts after = wire.counts();
    const uint64_t bytes = after.bytes[ChaosProxy::kDown] - before.bytes[ChaosProxy::kDown];
    wrong += mallory->look() || bytes > (after.connections - before.connections + 1) * kRefusal;
    ASSERT_TRUE(until_more());
    wrong += base_->not_fresh + base_->missed;
    last_ns = std::max(last_ns, mallory->last_ns - reloaded);
    gap_ns = std::max(gap_ns, base_->gap_ns);
  }
  std::cout << "figures: revocation: the last value to who was revoked " << ms(last_ns)
            << " ms after the reload, longest gap of the others " << ms(gap_ns) << " ms\n";
  smt::print_row(smt::Row{.id = "S6",
                          .what = "a key taken away: its peer's last value",
                          .n = kRounds,
                          .violations = wrong + (last_ns < 2'000'000'000 ? 0 : 1),
                          .max_ms = ms(last_ns)});
  smt::print_row(smt::Row{.id = "S6",
                          .what = "a key taken away: longest gap of others",
                          .n = kRounds,
                          .violations = gap_ns < kMaxGapNs ? 0u : 1u,
                          .max_ms = ms(gap_ns)});
  EXPECT_EQ(wrong, 0u);
  EXPECT_LT(last_ns, 2'000'000'000);
  EXPECT_LT(gap_ns, kMaxGapNs);
}

TEST_F(Revocation, ANewKeyOfTheListenerLosesNothingAndNothingGetsStale) {
  uint64_t wrong = 0;
  std::vector<int64_t> gaps_ns;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    begin();
    base_->gap_ns = 0;
    // The base learns the next key, the robot has it, the base forgets the old one.
    std::filesystem::rename(keys("robot"), keys("old"));
    make_keys({"robot"});
    acquaint("robot", "base");
    const std::string known = keys("base") + "/peers/robot.pub";
    std::ostringstream both;
    both << std::ifstream(known).rdbuf() << std::ifstream(keys("robot") + "/robot.pub").rdbuf();
    std::ofstream(known) << both.str();
    base_relay_.process->send(SIGHUP);
    base_relay_.process->wait_for_error("is taken");
    pub_.process->send(SIGHUP);
    pub_.process->wait_for_error("is taken");
    ASSERT_TRUE(until_more());
    const Ended dialled =
        run({"smtrelay_client", "--connect", pub_.endpoint(), "--keys", keys("base"), "list"});
    EXPECT_EQ(dialled.exit_code, 0) << dialled.err;
    ASSERT_TRUE(until_more());
    wrong += base_->missed;
    gaps_ns.push_back(base_->gap_ns);
  }
  // A peer that is late to read that it is to dial again notices by the silence.
  std::sort(gaps_ns.begin(), gaps_ns.end());
  const int64_t usual_ns = gaps_ns[gaps_ns.size() / 2], gap_ns = gaps_ns.back();
  smt::print_row(smt::Row{.id = "S6",
                          .what = "a listener's key changed: gap; values lost",
                          .n = kRounds,
                          .violations = wrong + (usual_ns < kUsualGapNs && gap_ns < kMaxGapNs ? 0 : 1),
                          .max_ms = ms(gap_ns)});
  EXPECT_EQ(wrong, 0u);
  EXPECT_LT(usual_ns, kUsualGapNs);
  EXPECT_LT(gap_ns, kMaxGapNs);
}

}  // namespace
}  // namespace smt::tools
