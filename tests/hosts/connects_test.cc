// Peers with keys that come and go, a hundred thousand times: the relay that they dial keeps nothing of them.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "proto/codec.h"
#include "relay/zmq/link_zmq.h"
#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/tools/keyed_relays.h"

namespace smt::hosts {
namespace {

constexpr size_t kThreads = 4;

// Dials as often as it is told to, with a key: Hello, a wish, and goodbye or just gone.
class Comer {
 public:
  Comer(const std::string& keys, std::string endpoint) : endpoint_(std::move(endpoint)) {
    storm::must(context_.set_keys(storm::must(relay::Keyring::read(keys)),
                                  [](const std::string&, const std::string&) {}));
  }
  // Whether it was answered.
  bool come_and_go() {
    const std::unique_ptr<relay::Link> link = storm::must(context_.dial(endpoint_));
    proto::Hello hello;
    hello.set_least_version(1);
    hello.set_version(1);
    hello.set_instance(++instances_);
    hello.set_origin_id(std::string(16, 'c'));
    hello.set_name("comer");
    const uint64_t session = ++sessions_;
    const auto say = [&](const std::string& header) {
      return link->send("", std::as_bytes(std::span(header)), relay::Frame()) == relay::Sent::kOk;
    };
    bool said = false, answered = false;
    const int64_t end = boottime_ns() + 10'000'000'000;
    for (relay::Incoming in; !answered && boottime_ns() < end;) {
      context_.admit();
      said = said || say(proto::seal_message(session, 0, hello));
      proto::Envelope e;
      while (!answered && link->receive(&in))
        answered = proto::open_message(in.header, in.payload, &e) == proto::Opened::kOk && e.has_hello();
      pollfd p{link->fd(), POLLIN, 0};
      if (!answered && !link->readable()) poll(&p, 1, said ? 10 : 1);
    }
    proto::Want want;
    want.add_selection()->add_topic("t/*");
    say(proto::seal_message(session, 1, want));
    if (session % 4 == 0) return answered;  // its silence tells
    proto::Reset bye;
    bye.set_reason(proto::Reset::BYE);
    say(proto::seal_message(session, 2, bye));
    return answered;
  }

 private:
  const std::string endpoint_;
  relay::ZmqContext context_;
  uint64_t sessions_ = 0;
  static inline std::atomic<uint64_t> instances_{0};
};

constexpr uint64_t kWindow = 4;  // rounds in a row that show whether anything is kept

class RelayConnects : public tools::KeyedTest {
 protected:
  static size_t count_descriptors(pid_t pid) {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  uint64_t sessions() const {
    return counter("robot", "smt/relay/robot/pub/session", "opened") -
           counter("robot", "smt/relay/robot/pub/session", "ended");
  }
};

TEST_F(RelayConnects, LeaveNothingBehind) {
  make_keys({"robot", "base"});
  acquaint_both("robot", "base");
  publish("t/1", "f64", "1");
  const Relay pub = robot();
  const pid_t pid = pub.process->pid();
  std::vector<std::unique_ptr<Comer>> comers;
  for (size_t i = 0; i < kThreads; ++i)
    comers.push_back(std::make_unique<Comer>(keys("base"), pub.endpoint() + "#robot"));
  std::atomic<uint64_t> answered{0};
  const auto come = [&](uint64_t times) {
    std::vector<std::thread> threads;
    for (auto& comer : comers) {
      threads.emplace_back([&, times] {
        for (uint64_t i = 0; i < times / kThreads; ++i) answered += comer->come_and_go();
      });
    }
    for (std::thread& t : threads) t.join();
    // All are forgotten: nothing more is to be learnt by silence.
    EXPECT_TRUE(eventually([&] { return sessions() == 0; })) << sessions();
  };
  // The allocator settles first.
  const uint64_t warm = storm::sized(200, 5'000, 1'000), each = storm::scaled(64, 2'500, 240);
  // A quick run is shorter than one step.
  const double max = static_cast<double>(storm::sized(2'000, 1, 200));
  come(warm);
  const size_t descriptors = count_descriptors(pid);
  const int64_t begin = boottime_ns();
  std::vector<double> bytes = {static_cast<double>(tools::memory_bytes(pid, "RssAnon"))};
  std::string kib = fmt::format("{:.0f}", bytes[0] / 1024);
  // A step, when more come at once than ever before, is no leak, and after it nothing more is kept: where it
  // is one, no rounds are without.
  double kept = max;
  uint64_t rounds = 0;
  while (rounds < 2 * kWindow || (kept >= max && rounds < 8 * kWindow)) {
    come(each);
    ++rounds;
    bytes.push_back(static_cast<double>(tools::memory_bytes(pid, "RssAnon")));
    kib += fmt::format(" {:.0f}", bytes.back() / 1024);
    if (rounds >= kWindow)
      kept = (bytes.back() - bytes[rounds - kWindow]) / static_cast<double>(kWindow * each);
  }
  const double seconds = static_cast<double>(boottime_ns() - begin) / 1e9;
  // The last connections may still be closing.
  EXPECT_TRUE(eventually([&] { return count_descriptors(pid) <= descriptors; }));
  const size_t descriptors_after = count_descriptors(pid);
  const uint64_t times = rounds * each;
  print_figures(
      "relay_connects: {} connects in {:.1f} s: RssAnon {} KiB, {:.2f} bytes of each, descriptors {} -> {}",
      times, seconds, kib, kept, descriptors, descriptors_after);
  print_row(Row{.id = "R19",
                .what = "CURVE connects: memory and descriptors kept",
                .n = times,
                .violations = (answered == warm + times ? 0u : 1u) + (kept < max ? 0u : 1u) +
                              (descriptors_after <= descriptors ? 0u : 1u)});
  EXPECT_EQ(answered, warm + times);
  EXPECT_LT(kept, max);
}

}  // namespace
}  // namespace smt::hosts
