// A peer with a key of its own, Mallory, says whatever it likes, as fast as it can: memory stays within
// bounds, the robot's topic goes on reaching the base, and afterwards both relays take what honest peers say
// (S8, F11).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <functional>
#include <thread>

#include "proto/codec.h"
#include "relay/frame/frame.h"
#include "relay/keys/keyring.h"
#include "tests/hosts/elsewhere.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"
#include "tests/row.h"
#include "tests/times.h"
#include "tests/tools/keyed_relays.h"
#include "tests/tools/raw_peer.h"

namespace smt::hosts {
namespace {

using storm::scaled;
using tools::RawPeer;

constexpr uint64_t kMiB = 1 << 20;

// A session of Mallory's with one relay.
class Session {
 public:
  Session(uint16_t port, const relay::Keyring& keys, const std::string& listener)
      : peer_(port, keys.self(), keys.keys_of(listener)->front()) {}

  RawPeer& peer() { return peer_; }
  bool say_hello(bool serves = true) {
    proto::Hello hello;
    hello.set_least_version(proto::kMinVersion);
    hello.set_version(proto::kVersion);
    hello.set_instance(++instance_);
    hello.set_origin_id(std::string(16, 'm'));
    hello.set_name("mallory");
    hello.set_serves(serves);
    number_ = 0;
    return peer_.connected() && peer_.send(proto::seal_message(++session_, 0, hello));
  }
  // What is answered is in `answer`. False: nothing is.
  bool hello(bool serves, proto::Envelope* answer) {
    if (!say_hello(serves)) return false;
    const std::optional<std::string> heard = peer_.hear(5000);
    return heard && proto::open_message(relay::bytes_of(*heard), {}, answer) == proto::Opened::kOk;
  }
  bool hello(bool serves = true) {
    proto::Envelope answer;
    return hello(serves, &answer) && answer.has_hello();
  }
  template <class Body>
  bool say(const Body& body, const std::string& payload = "", bool counts = true) {
    const uint64_t hash = proto::payload_hash(relay::bytes_of(payload));
    const std::string header = proto::seal_message(session_, counts ? ++number_ : 0, body, hash);
    if (payload.empty()) return peer_.send(header);
    return peer_.send(header, true) && peer_.send(payload);
  }

 private:
  RawPeer peer_;
  static inline uint64_t session_ = 1000, instance_ = 1000;
  uint64_t number_ = 0;
};

class HostilePeer : public tools::KeyedTest {
 protected:
  void SetUp() override {
    make_keys({"robot", "base", "mallory"});
    acquaint_both("robot", "base");
    acquaint_both("robot", "mallory");
    acquaint_both("base", "mallory");
    base_ =
        start({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--bind", "tcp://127.0.0.1:*"});
    robot_ = start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--bind",
                    "tcp://127.0.0.1:*", "--connect", base_.ready[2] + "#base"});
    source_.emplace(open("robot"), topics_);
    watch_.emplace(open("base"), topics_);
    ASSERT_TRUE(eventually([&] { return watch_->all_have(50); }));
    keys_ = storm::must(relay::Keyring::read(keys("mallory")));
  }
  Domain open(const std::string& name) const {
    return storm::must(Domain::open({.root = root_, .domain = name, .create = false}));
  }
  static uint16_t port(const Relay& relay) {
    return static_cast<uint16_t>(std::stoi(relay.ready[2].substr(relay.ready[2].rfind(':') + 1)));
  }
  Session at_robot() { return Session(port(robot_), *keys_, "robot"); }
  Session at_base() { return Session(port(base_), *keys_, "base"); }
  // Grows by so much at most while `attack` runs.
  uint64_t growth(const Relay& relay, const std::function<void()>& attack) {
    const uint64_t before = tools::memory_bytes(relay.process->pid(), "RssAnon");
    std::atomic<uint64_t> max{before};
    std::atomic<bool> stop{false};
    std::thread look([&] {
      while (!stop) {
        max = std::max<uint64_t>(max, tools::memory_bytes(relay.process->pid(), "RssAnon"));
        storm::elapse(milliseconds(2));
      }
    });
    attack();
    stop = true;
    look.join();
    return max - before;
  }

  const std::vector<TimedTopic> topics_ = {{.name = "pose", .period_ns = kMs}};
  Relay robot_, base_;
  std::optional<TimedSource> source_;
  std::optional<Watch> watch_;
  std::shared_ptr<const relay::Keyring> keys_;
};

TEST_F(HostilePeer, ThatNeverEndsAMessageIsCutAndBarred) {
  watch_->begin();
  Session mallory = at_robot();
  ASSERT_TRUE(mallory.hello());
  const std::string frame(65536, 'x');
  uint64_t sent = 0;
  const uint64_t grown = growth(robot_, [&] {
    while (sent < 2048 * kMiB && mallory.peer().send(frame, true)) sent += frame.size();
  });
  const Arrivals pose = watch_->of(0);
  std::cout << "figures: sent " << (sent >> 20) << " MiB, grown " << (grown >> 20) << " MiB, longest gap "
            << pose.max_gap_ns / kMs << " ms\n";
  EXPECT_LT(sent, 2048 * kMiB);
  EXPECT_LT(grown, 64 * kMiB);
  EXPECT_LT(pose.max_gap_ns, 500 * kMs);
  // And does not come back in for now.
  Session again = at_robot();
  proto::Envelope answer;
  EXPECT_TRUE(again.hello(true, &answer));
  EXPECT_EQ(answer.reset().reason(), proto::Reset::MALFORMED);
  EXPECT_TRUE(again.peer().ends(3000));
}

TEST_F(HostilePeer, WithoutKeysIsCutToo) {
  const Relay open =
      start({"smtrelay_pub", "--domain", "robot", "--name", "open", "--bind", "tcp://127.0.0.1:*"});
  RawPeer peer(port(open));
  ASSERT_TRUE(peer.connected());
  const std::string frame(65536, 'x');
  uint64_t sent = 0;
  const uint64_t grown = growth(open, [&] {
    while (sent < 2048 * kMiB && peer.send(frame, true)) sent += frame.size();
  });
  EXPECT_LT(sent, 2048 * kMiB);
  // Between two looks it sends what a loopback takes.
  EXPECT_LT(grown, 512 * kMiB);
  std::cout << "figures: hostile_peer: without keys " << (sent >> 20) << " MiB were sent, " << (grown >> 20)
            << " MiB held\n";
}

struct Storm {
  std::string name;
  bool at_base = false;
  std::function<bool(Session*, int)> say;  // the next message
};

std::string name(int i) { return "mallory/" + std::to_string(i); }

proto::Topic announced(int id, uint64_t generation) {
  proto::Topic t;
  t.set_id(static_cast<uint32_t>(id));
  t.set_name(name(id));
  t.set_generation(generation);
  t.mutable_origin()->set_id(std::string(16, 'm'));
  t.mutable_origin()->set_segment_id(std::string(16, 's'));
  t.set_max_bytes(8);
  t.set_history(4);
  return t;
}

std::vector<Storm> storms() {
  std::vector<Storm> storms;
  storms.push_back({"says Hello", false, [](Session* s, int) { return s->say_hello(); }});
  storms.push_back({"wants everything, each time otherwise", false, [](Session* s, int i) {
                      proto::Want want;
                      for (int k = 0; k < 1000; ++k)
                        want.add_selection()->add_topic("re:.*" + std::to_string(i * 1000 + k) +
                                                        "(a|b)*x.*y");
                      return s->say(want);
                    }});
  storms.push_back({"asks for all", false, [](Session* s, int i) {
                      proto::Get get;
                      get.set_request(static_cast<uint64_t>(i) + 1);
                      get.add_selection()->add_topic("**");
                      return s->say(get);
                    }});
  storms.push_back({"lists all", false, [](Session* s, int i) {
                      proto::Get get;
                      get.set_request(static_cast<uint64_t>(i) + 1);
                      get.set_list(true);
                      get.add_selection()->add_topic("**");
                      return s->say(get);
                    }});
  storms.push_back({"asks why", false, [](Session* s, int i) {
                      proto::Trace trace;
                      trace.set_request(static_cast<uint64_t>(i) + 1);
                      trace.set_topic("pose");
                      trace.set_here("pose");
                      return s->say(trace);
                    }});
  storms.push_back({"reports", false, [](Session* s, int) { return s->say(proto::Report(), "", false); }});
  storms.push_back({"is of no session", false, [](Session* s, int) {
                      return s->peer().send(proto::seal_message(7, 1, proto::Report()));
                    }});
  storms.push_back({"announces", true, [](Session* s, int i) {
                      proto::Announce announce;
                      for (int k = 0; k < 1000; ++k) *announce.add_topic() = announced(i * 1000 + k, 1);
                      return i < 1000 ? s->say(announce) : s->say(proto::Report(), "", false);
                    }});
  storms.push_back({"announces anew", true, [](Session* s, int i) {
                      proto::Announce announce;
                      for (int k = 0; k < 100; ++k)
                        *announce.add_topic() = announced(k, static_cast<uint64_t>(i));
                      return s->say(announce);
                    }});
  return storms;
}

class StormingPeer : public HostilePeer, public testing::WithParamInterface<Storm> {
 protected:
  // What the robot's topic takes to the base, 99 of 100, while `meanwhile` runs.
  double p99_ms(const std::function<void()>& meanwhile) {
    watch_->begin();
    meanwhile();
    return watch_->of(0).ages.percentile_ms(99);
  }
};

TEST_P(StormingPeer, KeepsNobodyWaiting) {
  const Storm& storm = GetParam();
  const Relay& victim = storm.at_base ? base_ : robot_;
  uint64_t said = 0, grown = 0;
  const auto block_ms = static_cast<int64_t>(storm::scaled(100, 500));
  const auto calm = [&] { storm::elapse(milliseconds(block_ms)); };
  // `per_ms`: messages; all that the connection takes would be a race for two processors.
  const auto attack = [&](int per_ms) {
    const Elsewhere machine;
    const int64_t begun_ns = boottime_ns(), end_ns = begun_ns + block_ms * kMs;
    while (boottime_ns() < end_ns) {
      Session s = storm.at_base ? at_base() : at_robot();
      if (!s.hello()) continue;
      // What it is answered is read, so that answers go on.
      std::atomic<bool> over{false};
      std::thread hear([&] {
        while (!over) (void)s.peer().hear(20);
      });
      for (int i = 0; boottime_ns() < end_ns && storm.say(&s, i); ++i, ++said) {
        if (i % per_ms == 0) storm::elapse(milliseconds(1));
      }
      over = true;
      hear.join();
    }
  };
  // Median of what the p99 is more, over pairs of A B B A.
  const auto more_ms = [&](int per_ms, uint64_t pairs) {
    std::vector<double> more;
    for (uint64_t i = 0; i < pairs; ++i) {
      double before = p99_ms(calm), during = 0;
      grown = std::max(grown, growth(victim, [&] { during = p99_ms([&] { attack(per_ms); }); }));
      grown = std::max(grown, growth(victim, [&] { during += p99_ms([&] { attack(per_ms); }); }));
      before += p99_ms(calm);
      more.push_back((during - before) / 2);
    }
    std::sort(more.begin(), more.end());
    return more[more.size() / 2];
  };
  const double at_rate_ms = more_ms(2, storm::scaled(1, 5)), at_most_ms = more_ms(1 << 30, 1);
  printf(
      "figures: hostile_peer: %s: %llu messages, %.1f MiB more, p99 of others %+.3f ms at 2,000/s, %+.3f ms "
      "at most\n",
      storm.name.c_str(), static_cast<unsigned long long>(said), static_cast<double>(grown) / kMiB,
      at_rate_ms, at_most_ms);
  EXPECT_GT(said, 10u);
  EXPECT_LT(grown, 64 * kMiB);
  // Both relays take what honest peers say.
  watch_->begin();
  EXPECT_TRUE(eventually([&] { return watch_->all_have(50); }));
  EXPECT_EQ(watch_->of(0).back, 0u);
  print_row(Row{.id = "S8",
                .what = "a peer that " + storm.name,
                .n = said,
                .violations = HasFailure(),
                .p99_ms = at_rate_ms});
}

INSTANTIATE_TEST_SUITE_P(Kinds, StormingPeer, testing::ValuesIn(storms()),
                         [](const auto& of) { return "N" + std::to_string(of.index); });

}  // namespace
}  // namespace smt::hosts
