// A session that was recorded on the wire is worth nothing to who replays it: not while it lasts, not after
// it, not to the same relay nor once it has begun anew.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/fd.h"
#include "tests/loopback.h"
#include "tests/row.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

// Sends the bytes, so many at a time, each piece when the other side has answered or has had time to; then
// listens until it is quiet or closed. How many bytes came.
size_t start_replay(uint16_t port, const std::string& bytes, size_t at_a_time) {
  const Fd s = dial(port);
  EXPECT_TRUE(s.ok());
  size_t heard = 0;
  char text[4096];
  const auto listen = [&](int ms) {
    for (pollfd wait{s.get(), POLLIN, 0}; poll(&wait, 1, ms) > 0;) {
      const ssize_t n = read(s.get(), text, sizeof text);
      if (n <= 0) return false;
      heard += static_cast<size_t>(n);
    }
    return true;
  };
  for (size_t i = 0; i < bytes.size(); i += at_a_time) {
    const std::string piece = bytes.substr(i, at_a_time);
    if (send(s.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0 || !listen(i < 4096 ? 20 : 0))
      return heard;
  }
  (void)listen(300);
  return heard;
}

TEST_F(KeyedTest, ASessionThatIsReplayedPublishesNothing) {
  make_keys({"robot", "base"});
  acquaint_both("robot", "base");
  const auto listener = [&] {
    return start({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--bind", "tcp://127.0.0.1:*"});
  };
  Relay base = listener();
  ChaosProxy wire(port_of(base.endpoint()), 1);
  wire.set(ChaosProxy::kUp, {.record = true});
  publish("pose", "string", "\"0\"");
  Relay pub = robot("tcp://127.0.0.1:" + std::to_string(wire.port()) + "#base");
  constexpr int kSamples = 20;
  for (int i = 1; i <= kSamples; ++i) {
    publish("pose", "string", "\"" + std::to_string(i) + "\"");
    ASSERT_TRUE(eventually([&] { return text("base", "pose") == std::to_string(i); }));
  }
  const std::string recording = wire.recorded(ChaosProxy::kUp);
  ASSERT_GT(recording.size(), 1000u);
  // Samples that came, sessions that began, and the newest.
  const auto state = [&] {
    const std::optional<Held> now = held("base", "pose");
    return std::pair(counter("base", "smt/relay/base/sub/session", "opened"), now ? now->sequence : 0);
  };
  const auto replay = [&](int* count, uint64_t* published) {
    const auto before = state();
    for (const size_t at_a_time : {recording.size(), size_t{1}, size_t{64}, size_t{200}, size_t{1000}}) {
      const std::string part = at_a_time == 1 ? recording.substr(0, 600) : recording;
      EXPECT_LE(start_replay(port_of(base.endpoint()), part, at_a_time), 64u + 256u)
          << "the handshake goes no further";
      ++*count;
    }
    const auto after = state();
    *published += after.second - before.second;
    EXPECT_EQ(after, before);
  };
  ASSERT_TRUE(eventually([&] { return state().first == 1; }));
  int replays = 0;
  uint64_t published = 0;
  replay(&replays, &published);  // beside the session itself
  EXPECT_EQ(held("base", "pose")->freshness.state, State::kSourceDead) << "smttopic pub has ended";
  pub.process->send(SIGKILL);
  EXPECT_TRUE(becomes("base", "pose", State::kLinkDown));
  replay(&replays, &published);
  base.process->send(SIGKILL);
  base.process->wait();
  base = listener();
  ASSERT_TRUE(eventually([&] { return state().first == 0; })) << "it counts anew";
  replay(&replays, &published);
  EXPECT_EQ(held("base", "pose")->freshness.state, State::kLinkDown);
  smt::print_row(smt::Row{.id = "S7",
                          .what = "samples of recorded sessions, replayed",
                          .n = static_cast<uint64_t>(replays * kSamples),
                          .violations = published});
  // Who has the key is served.
  pub = robot(base.endpoint() + "#base");
  publish("pose", "string", "\"again\"");
  EXPECT_TRUE(eventually([&] { return text("base", "pose") == "again"; }));
}

}  // namespace
}  // namespace smt::tools
