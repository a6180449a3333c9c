// Others are on the same slow link: a second subscriber with a session of its own, and a foreign transfer
// that takes all it can get. Each gets a share, and what the relay carries stays of now.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"

namespace smt::hosts {
namespace {

using storm::patience_factor;

constexpr int64_t kMsNs = 1'000'000, kSecondNs = 1'000'000'000, kRttNs = 20 * kMsNs;
constexpr int64_t kBitsPerS = 2'000'000;
constexpr size_t kScalars = 50;

double ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

// A TCP connection from the robot to the gateway that always has something to send.
class Transfer {
 public:
  explicit Transfer(const Hosts& hosts)
      : listener_(hosts.socket(Host::kGate, SOCK_STREAM)), sender_(hosts.socket(Host::kRobot, SOCK_STREAM)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    const auto sa = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), sa, size) != 0 || listen(listener_.get(), 1) != 0 ||
        getsockname(listener_.get(), sa, &size) != 0)
      throw std::runtime_error("a transfer cannot listen");
    inet_pton(AF_INET, hosts.gate_address(Host::kRobot), &address.sin_addr);
    if (connect(sender_.get(), sa, size) != 0) throw std::runtime_error("a transfer cannot connect");
    receiver_ = Fd(accept(listener_.get(), nullptr, nullptr));
    threads_[0] = std::thread([this] { pump(sender_, POLLOUT); });
    threads_[1] = std::thread([this] { pump(receiver_, POLLIN); });
  }
  ~Transfer() {
    stop_ = true;
    for (std::thread& t : threads_) t.join();
  }
  uint64_t received() const { return received_; }

 private:
  void pump(const Fd& socket, short event) {
    std::vector<char> room(64 << 10);
    while (!stop_) {
      pollfd fd = {socket.get(), event, 0};
      if (poll(&fd, 1, 50) <= 0) continue;
      const ssize_t bytes = event == POLLIN ? recv(socket.get(), room.data(), room.size(), MSG_DONTWAIT)
                                            : send(socket.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (event == POLLIN && bytes > 0) received_ += static_cast<uint64_t>(bytes);
    }
  }
  Fd listener_, sender_, receiver_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> received_{0};
  std::array<std::thread, 2> threads_;
};

class RelayFair : public HostsTest {
 protected:
  // On the gateway, in a domain of its own. Returns where the robot finds it.
  std::string start_subscriber(const std::string& name) {
    const auto& process = subscribers_.emplace_back(hosts_.start(
        Host::kGate,
        {"smtrelay_sub", "--domain", name, "--name", name, "--bind", "tcp://0.0.0.0:*", "--insecure"},
        options()));
    process->wait_for_output("\n");
    const std::string& ready = process->output();
    const size_t colon = ready.rfind(':');
    return std::string("tcp://") + hosts_.gate_address(Host::kRobot) +
           ready.substr(colon, ready.find('\n') - colon);
  }
  void start_robot(const std::vector<std::string>& endpoints) {
    std::vector<std::string> args = {"smtrelay_pub", "--domain", "robot", "--name", "robot", "--insecure"};
    for (const std::string& e : endpoints) args.insert(args.end(), {"--connect", e});
    pub_ = hosts_.start(Host::kRobot, args, options());
    pub_->wait_for_output("ready ");
  }
  // Twice what the link carries.
  static std::vector<TimedTopic> offered() {
    std::vector<TimedTopic> topics;
    for (size_t i = 0; i < kScalars; ++i) topics.push_back({.name = "scalar/" + std::to_string(i)});
    topics.push_back({.name = "large", .bytes = 32 << 10, .period_ns = 125 * kMsNs});
    return topics;
  }
  std::vector<std::unique_ptr<Process>> subscribers_;
};

TEST_F(RelayFair, TwoSubscribersOfOneLinkGetAlikeAndOfNow) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {.bits_per_s = kBitsPerS, .delay_ns = kRttNs / 2});
  const std::vector<TimedTopic> topics = offered();
  TimedSource source(in("robot"), topics);
  start_robot({start_subscriber("first"), start_subscriber("second")});
  Watch first(in("first"), topics), second(in("second"), topics);
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return first.all_have(1) && second.all_have(1); }));
  storm::elapse(milliseconds(storm::sized(1'000, 3'000)));
  first.begin();
  second.begin();
  storm::elapse(milliseconds(storm::scaled(3'000, 60'000)));
  Arrivals a = first.of(0, kScalars), b = second.of(0, kScalars);
  const uint64_t large_a = first.of(kScalars).count, large_b = second.of(kScalars).count;
  print_figures(
      "relay_fair 2 Mbit/s, RTT 20 ms, two subscribers: {} and {} scalars, {} and {} large; age {} and {}; "
      "longest gap {:.0f} and {:.0f} ms; {}",
      a.count, b.count, large_a, large_b, a.ages.text(), b.ages.text(), ms(a.max_gap_ns), ms(b.max_gap_ns),
      load());
  const double share = static_cast<double>(a.count) / static_cast<double>(a.count + b.count);
  // They come to terms in some ten seconds.
  const double min = static_cast<double>(storm::sized(10, 33)) / 100;
  EXPECT_GT(share, min);
  EXPECT_LT(share, 1 - min);
  // Each waits behind what the other has under way.
  for (Arrivals* one : {&a, &b}) {
    const double alone_ms = 2 * ms(kRttNs) + 20 + 2 * 6.4;
    EXPECT_LT(one->ages.percentile_ms(99), 2 * alone_ms * static_cast<double>(patience_factor()));
    EXPECT_LT(one->max_gap_ns, kSecondNs * patience_factor());
  }
  a.ages.add(b.ages);
  print_row(Row{.id = "R9",
                .what = "two subscribers of one slow link",
                .n = a.ages.count(),
                .violations = HasFailure(),
                .max_ms = a.ages.percentile_ms(100),
                .p99_ms = a.ages.percentile_ms(99)});
}

TEST_F(RelayFair, AForeignTransferLeavesTheRelayAShare) {
  SMT_NEED_BAD_CABLE(Host::kRobot, {.bits_per_s = kBitsPerS, .delay_ns = kRttNs / 2});
  const std::vector<TimedTopic> topics = offered();
  TimedSource source(in("robot"), topics);
  start_robot({start_subscriber("first")});
  Watch watch(in("first"), topics);
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch.all_have(1); }));
  Transfer transfer(hosts_);
  storm::elapse(milliseconds(storm::sized(1'000, 3'000)));
  watch.begin();
  const uint64_t before = transfer.received();
  const int64_t seconds = storm::scaled(3, 60);
  storm::elapse(milliseconds(seconds * 1'000));
  Arrivals scalars = watch.of(0, kScalars);
  const double foreign =
      static_cast<double>(transfer.received() - before) * 8 / static_cast<double>(seconds * kBitsPerS);
  const uint64_t large = watch.of(kScalars).count;
  print_figures(
      "relay_fair 2 Mbit/s, RTT 20 ms, beside a foreign transfer of {:.0f} % of the link: {} scalars, {} "
      "large; age {}; longest gap {:.0f} ms; {}",
      100 * foreign, scalars.count, large, scalars.ages.text(), ms(scalars.max_gap_ns), load());
  // How much it takes is up to its congestion control. Neither starves.
  EXPECT_GT(foreign, 0.1);
  EXPECT_GE(scalars.count, kScalars * static_cast<uint64_t>(seconds) * 2);
  EXPECT_LT(scalars.max_gap_ns, 2 * kSecondNs * patience_factor());
}

}  // namespace
}  // namespace smt::hosts
