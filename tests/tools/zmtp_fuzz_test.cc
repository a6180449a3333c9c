// Whatever bytes come over TCP, each relay that listens stays, stays small, and serves who speaks properly:
// with keys and without, a publisher, a subscriber and a proxy. The bytes are noise, and what a good client
// has said with a few of it other ones, missing, twice or far too long.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>

#include "shm/clock.h"
#include "shm/fd.h"
#include "tests/loopback.h"
#include "tests/relay/access_rules.h"
#include "tests/row.h"
#include "tests/scale.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

constexpr size_t kListeners = 6;
constexpr uint64_t kMaxGrowthKiB = 64 << 10;

// Connections that have said all they will say; the last ones stay open, so that what was said is read.
class Crowd {
 public:
  // What of `text` the other side takes at once.
  void say(uint16_t port, const std::string& text) {
    Fd s = dial(port);
    ASSERT_TRUE(s.ok());
    // Greeting, first command and the rest one after the other, each answered: libzmq ends a connection that
    // says all at once.
    size_t command = std::min<size_t>(64, text.size()), rest = command;
    if (text.size() > 66 && text[64] == 4) rest = std::min(text.size(), size_t{66} + uint8_t(text[65]));
    send_text(s, text.substr(0, command));
    await(s, 64);
    send_text(s, text.substr(command, rest - command));
    await(s, 1);
    send_text(s, text.substr(rest));
    open_.push_back(std::move(s));
    if (open_.size() > kMaxOpen) open_.pop_front();
  }
  void leave() { open_.clear(); }

 private:
  static void send_text(const Fd& s, const std::string& text) {
    for (size_t said = 0; said < text.size();) {
      pollfd wait{s.get(), POLLOUT, 0};
      if (poll(&wait, 1, 200) <= 0) return;
      const ssize_t n = send(s.get(), text.data() + said, text.size() - said, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) return;
      said += static_cast<size_t>(n);
    }
  }
  // So many bytes of an answer, or none for a while.
  static void await(const Fd& s, ssize_t bytes) {
    char heard[4096];
    for (pollfd wait{s.get(), POLLIN, 0}; bytes > 0 && poll(&wait, 1, 100) > 0;) {
      const ssize_t n = read(s.get(), heard, sizeof heard);
      if (n <= 0) return;
      bytes -= n;
    }
  }

  static constexpr size_t kMaxOpen = 40;
  std::deque<Fd> open_;
};

// Bytes made of what a good client has said.
class Liar {
 public:
  explicit Liar(uint32_t seed) : random_(seed) {}

  std::string lie(const std::string& said) {
    switch (random_() % 7) {
      case 0:
        return make_noise(random_() % 4096);
      case 1:
        return said.substr(0, 64) + make_noise(random_() % 2048);
      case 2: {  // a few bytes are other ones
        std::string out = said;
        for (uint64_t n = 1 + random_() % 8; n-- > 0 && !out.empty();) {
          char& c = out[random_() % (random_() % 2 == 0 ? out.size() : std::min<size_t>(out.size(), 320))];
          c = static_cast<char>(random_() % 2 == 0 ? random_() : c ^ 1 << random_() % 8);
        }
        return out;
      }
      case 3:
        return said.substr(0, random_() % (said.size() + 1));
      case 4:
        return cut(said) + frame_of(random_() % 8 | 2, random_length(), make_noise(random_() % 1024));
      case 5: {  // a message without an end
        std::string out = cut(said);
        const size_t size = random_() % 2 == 0 ? random_() % 32 : 4096;
        for (uint64_t n = random_() % 300; n-- > 0;) out += frame_of(3, size, std::string(size, 'm'));
        return out;
      }
      default: {  // a part is missing, or stands twice
        std::string out = said;
        const size_t from = random_() % (said.size() + 1), size = random_() % 200;
        return random_() % 2 == 0 ? out.erase(from, size) : out.insert(from, said.substr(from, size));
      }
    }
  }

 private:
  std::string make_noise(size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  // Up to the end of the greeting, or of the handshake, or anywhere.
  std::string cut(const std::string& said) {
    const size_t ends[] = {64, 64 + 202, 64 + 202 + 300, random_() % (said.size() + 1), said.size()};
    return said.substr(0, ends[random_() % 5]);
  }
  uint64_t random_length() {
    const uint64_t lengths[] = {0, 1, 524'288, 528'385, uint64_t{1} << 31, uint64_t{1} << 63, ~uint64_t{0}};
    return lengths[random_() % 7];
  }
  // A frame with a length of 8 bytes (ZeroMQ RFC 23).
  static std::string frame_of(uint64_t flags, uint64_t length, const std::string& body) {
    std::string out(1, static_cast<char>(flags));
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
    return out + body;
  }
  std::mt19937_64 random_;
};

class Zmtp : public KeyedTest {
 protected:
  struct Listener {
    std::string name;  // of the keys
    Relay relay;
    bool keyed = false, gives = true;  // it has a topic
    std::string said = {};             // by a good client
    uint64_t rss_kib = 0;              // before
    uint16_t port() const { return port_of(relay.endpoint()); }
  };

  void SetUp() override {
    make_keys({"robot", "gate", "base", "good"});
    for (const char* name : {"robot", "gate", "base"}) acquaint_both(name, "good");
    acquaint_both("robot", "gate");
    publish("arm/left", "f64", "1.5");
    for (const bool keyed : {true, false}) {
      const auto with = [&](const std::string& name, std::vector<std::string> args) {
        args.insert(args.end(), {"--bind", "tcp://127.0.0.1:*", "--name", name + (keyed ? "" : "0")});
        if (keyed) args.insert(args.end(), {"--keys", keys(name)});
        return start(args);
      };
      Relay robot = with("robot", {"smtrelay_pub", "--domain", "robot"});
      Relay gate = start({"smtrelay_proxy", "--name", keyed ? "gate" : "gate0", "--bind", "tcp://127.0.0.1:*",
                          "--connect", robot.endpoint() + (keyed ? "#robot" : ""), keyed ? "--keys" : "--log",
                          keyed ? keys("gate") : "warn"});
      listeners_.push_back({"robot", std::move(robot), keyed});
      listeners_.push_back({"gate", std::move(gate), keyed});
      listeners_.push_back(
          {"base", with("base", {"smtrelay_sub", "--domain", keyed ? "base" : "base0"}), keyed, false});
    }
    for (Listener& l : listeners_) {
      ChaosProxy wire(l.port(), 1);
      wire.set(ChaosProxy::kUp, {.record = true});
      EXPECT_TRUE(served(l, wire.port()));
      l.said = wire.recorded(ChaosProxy::kUp);
      EXPECT_GT(l.said.size(), 100u);
      l.rss_kib = memory_bytes(l.relay.process->pid(), "VmRSS") / 1024;
    }
  }

  // A client that is known has what it asks for.
  bool served(const Listener& l, uint16_t port) {
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
    std::vector<std::string> args = {"smtrelay_client", "--timeout", l.gives ? "5s" : "2s", "--connect",
                                     endpoint + (l.keyed ? "#" + l.name : "")};
    if (l.keyed) args.insert(args.end(), {"--keys", keys("good")});
    // Who only takes topics has nothing to give, and says so.
    args.insert(args.end(), {"get", l.gives ? "arm/*" : "**"});
    const int64_t begin_ns = boottime_ns();
    const Ended got = run(args);
    if (l.gives) slowest_ns_ = std::max(slowest_ns_, boottime_ns() - begin_ns);
    const bool served =
        l.gives ? got.exit_code == 0 && got.out.find("1.5") != std::string::npos : got.exit_code == 4;
    EXPECT_TRUE(served) << l.name << (l.keyed ? "" : " without keys") << ": " << got.exit_code << " "
                        << got.err;
    return served;
  }

  std::vector<Listener> listeners_;
  int64_t slowest_ns_ = 0;
};

TEST_F(Zmtp, AnyBytesOverTcpLeaveEachRelayServing) {
  const uint32_t seed = relay::seed_of_run();
  const uint64_t block = Scale::get().sized(20, 100), cases = Scale::get().scaled(kListeners * 20, 2000);
  Liar liar(seed);
  Crowd crowd;
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < cases; ++n) {
    const Listener& l = listeners_[n / block % kListeners];
    crowd.say(l.port(), liar.lie(l.said));
    if ((n + 1) % block != 0) continue;
    wrong += !served(l, l.port());
    wrong += l.relay.process->ended();
    ASSERT_FALSE(l.relay.process->ended()) << l.name << " after " << n;
    // A crowd that stays would be another test's matter.
    crowd.leave();
  }
  for (const Listener& l : listeners_) {
    const uint64_t now_kib = memory_bytes(l.relay.process->pid(), "VmRSS") / 1024;
    EXPECT_LT(now_kib, l.rss_kib + kMaxGrowthKiB) << l.name;
    wrong += now_kib >= l.rss_kib + kMaxGrowthKiB;
  }
  print_row(Row{.id = "S5",
                .what = "raw bytes over TCP at relays that listen",
                .n = cases,
                .violations = wrong,
                .max_ms = static_cast<double>(slowest_ns_) / 1e6,
                .seed = seed});
}

}  // namespace
}  // namespace smt::tools
