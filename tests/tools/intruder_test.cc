// Whoever is not known gets nothing: no topic's name, none of its bytes, and little else, at each kind of
// socket that listens; and those who are known are served before, meanwhile and afterwards. What relays send
// is recorded on the way.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <random>

#include "shm/fd.h"
#include "tests/loopback.h"
#include "tests/row.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kMaxAfterGreeting = 256, kGreeting = 64;
constexpr int kQuietMs = 300;

std::string random_word() {
  std::random_device random;
  std::string word;
  for (int i = 0; i < 16; ++i) word += static_cast<char>('a' + random() % 26);
  return word;
}

// ZMTP 3.0 (ZeroMQ RFC 23): signature, version, mechanism, as-server, filler.
std::string greeting(const std::string& mechanism, char major = 3) {
  std::string g = "\xff" + std::string(8, '\0') + "\x7f";
  g += major;
  g += '\0';
  return g + mechanism + std::string(20 - mechanism.size(), '\0') + std::string(32, '\0');
}
std::string command(const std::string& name, const std::string& body) {
  const std::string text = static_cast<char>(name.size()) + name + body;
  return std::string("\x04") + static_cast<char>(text.size()) + text;
}
std::string message(const std::string& body) {
  return std::string(1, '\0') + static_cast<char>(body.size()) + body;
}
std::string property(const std::string& name, const std::string& value) {
  return static_cast<char>(name.size()) + name + std::string("\0\0\0", 3) + static_cast<char>(value.size()) +
         value;
}

// Says all at once, then listens until it is quiet or closed.
void talk(uint16_t port, const std::string& says) {
  const Fd s = dial(port);
  ASSERT_TRUE(s.ok());
  if (!says.empty()) (void)send(s.get(), says.data(), says.size(), MSG_NOSIGNAL);
  char heard[4096];
  for (pollfd wait{s.get(), POLLIN, 0}; poll(&wait, 1, kQuietMs) > 0;) {
    if (read(s.get(), heard, sizeof heard) <= 0) return;
  }
}

// A robot with a secret topic; a gateway between it and the base; and each thing that listens.
class Intruder : public KeyedTest {
 protected:
  Intruder() {
    make_keys({"robot", "gate", "base", "eve", "mallory"});
    acquaint_both("robot", "gate");
    acquaint_both("base", "gate");
    acquaint_both("robot", "base");
    for (const char* const name : {"robot", "gate", "base"}) {
      acquaint("eve", name);
      acquaint_both(name, "mallory");
    }
  }
  void SetUp() override {
    publish(topic_, "string", "\"" + value_ + "\"");
    gate_ = start({"smtrelay_proxy", "--keys", keys("gate"), "--bind", "tcp://127.0.0.1:*", "--bind",
                   "tcp://127.0.0.1:*"});
    robot_ = start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--bind",
                    "tcp://127.0.0.1:*", "--connect", gate_.ready[2] + "#gate"});
    base_ = start({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--bind", "tcp://127.0.0.1:*",
                   "--connect", gate_.ready[3] + "#gate"});
    ASSERT_TRUE(eventually([&] { return text("base", topic_) == value_; }));
    // Mallory was known, and is not any more.
    for (const auto& [name, relay] : {std::pair("robot", &robot_), {"gate", &gate_}, {"base", &base_}}) {
      std::filesystem::remove(keys(name) + "/peers/mallory.pub");
      relay->process->send(SIGHUP);
      relay->process->wait_for_error("is taken");
    }
  }
  // What a client with the keys of `who` ("": none) gets that dials `at` there.
  Ended ask(uint16_t port, const std::string& at, const std::string& who) const {
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
    std::vector<std::string> args = {"smtrelay_client", "--timeout", "700ms", "--connect",
                                     who.empty() ? endpoint : endpoint + "#" + at};
    if (!who.empty()) args.insert(args.end(), {"--keys", keys(who)});
    args.insert(args.end(), {"get", "**"});
    return run(args);
  }

  const std::string topic_ = "secret/" + random_word(), value_ = random_word();
  Relay robot_, gate_, base_;
};

TEST_F(Intruder, OfAnyKindHearsNothingAtAnySocketThatListens) {
  const std::string ready = command("READY", property("Socket-Type", "DEALER") + property("Identity", ""));
  std::mt19937_64 random(11);
  std::string noise(5000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const auto says = [](const std::string& text) { return [text](uint16_t port) { talk(port, text); }; };
  const auto client = [&](const std::string& who, const std::string& at) {
    return [this, who, at](uint16_t port) {
      const Ended ended = ask(port, at, who);
      EXPECT_TRUE(ended.exit_code == 6 || ended.exit_code == 7) << ended.exit_code << ended.err;
      EXPECT_EQ(ended.out, "");
    };
  };
  // `at`: the name of who listens.
  using Kind = std::function<void(uint16_t)>;
  const auto kinds = [&](const std::string& at) -> std::vector<std::pair<std::string, Kind>> {
    return {
        {"says nothing", says("")},
        {"says noise", says(noise)},
        {"speaks HTTP", says("GET / HTTP/1.1\r\nHost: robot\r\n\r\n")},
        {"greets only", says(greeting("CURVE"))},
        {"NULL", says(greeting("NULL") + ready + message("") + message("hello"))},
        {"PLAIN", says(greeting("PLAIN") + command("HELLO", "\5admin\5admin") + ready + message("hello"))},
        {"GSSAPI", says(greeting("GSSAPI") + ready)},
        {"CURVE in form only",
         says(greeting("CURVE") + command("HELLO", std::string("\1\0", 2) + noise.substr(0, 192)))},
        {"ZMTP 1.0", says(std::string("\1\0", 2) + std::string("\6\0hello", 7))},
        {"ZMTP 2.0",
         says("\xff" + std::string(8, '\0') + "\x7f\1\5" + std::string("\0\0", 2) + message("hello"))},
        {"a client without keys", client("", at)},
        {"an unknown key", client("eve", at)},
        {"a key that was revoked", client("mallory", at)},
        {"one who expects another's key", client("robot", at == "base" ? "gate" : "base")},
    };
  };
  const std::pair<std::string, std::string> listeners[] = {{"robot", robot_.ready[2]},
                                                           {"base", base_.ready[2]},
                                                           {"gate", gate_.ready[2]},
                                                           {"gate", gate_.ready[3]}};
  size_t tried = 0, max = 0;
  for (const auto& [at, endpoint] : listeners) {
    ChaosProxy wire(port_of(endpoint), 1);
    wire.set(ChaosProxy::kDown, {.record = true});
    for (const auto& [kind, act] : kinds(at)) {
      const uint64_t connections = wire.counts().connections;
      act(wire.port());
      const std::string heard = wire.recorded(ChaosProxy::kDown);
      EXPECT_THAT(heard, Not(HasSubstr(topic_.substr(7)))) << kind << " at " << at;
      EXPECT_THAT(heard, Not(HasSubstr(value_))) << kind << " at " << at;
      const size_t each = heard.size() / std::max<uint64_t>(1, wire.counts().connections - connections);
      EXPECT_LE(each, kGreeting + kMaxAfterGreeting) << kind << " at " << at;
      max = std::max(max, each);
      ++tried;
    }
    // Who is known is served over the same wire, on which nobody can read it. The base has nothing to give.
    const Ended got = ask(wire.port(), at, at == "robot" ? "base" : "robot");
    EXPECT_EQ(got.exit_code, at == "base" ? 4 : 0) << got.err;
    EXPECT_EQ(got.out.find(value_) != std::string::npos, at != "base") << got.out;
    EXPECT_THAT(wire.recorded(ChaosProxy::kDown), Not(HasSubstr(value_)));
  }
  std::cout << "figures: intruder: " << tried << " strangers, none heard more than " << max
            << " bytes of a connection\n";
  print_row(Row{.id = "S1", .what = "strangers at listeners", .n = tried, .violations = HasFailure()});
}

}  // namespace
}  // namespace smt::tools
