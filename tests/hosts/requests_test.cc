// Ten thousand requests of one process and two hundred processes with one request each leave nothing behind
// in the relays that answer, directly and through a proxy.
#include <gtest/gtest.h>
#include <poll.h>

#include <nlohmann/json.hpp>

#include "relay/relay.h"
#include "relay/store/mem_store.h"
#include "relay/zmq/link_zmq.h"
#include "shm/clock.h"
#include "shm/topic.h"
#include "tests/hosts/hosts.h"
#include "tests/tools/relay_domains.h"

namespace smt::hosts {
namespace {

constexpr size_t kTopics = 20;

// smtrelay_client's half of the talk, without a process for each request.
class Asker {
 public:
  explicit Asker(const std::string& endpoint) : relay_(&store_, options()) {
    std::unique_ptr<relay::Link> link = storm::must(context_.dial(endpoint));
    link_ = link.get();
    relay_.add(std::move(link));
  }
  // The number of topics; 0: no complete answer in time.
  uint32_t get(const std::string& pattern) {
    const uint64_t request = relay_.get({{{pattern}, {}, 0}}, false, boottime_ns(), 5'000'000'000);
    for (relay_.step(boottime_ns()); !relay_.get_result(request).done; relay_.step(boottime_ns())) {
      if (!relay_.idle()) continue;
      pollfd p{link_->fd(), POLLIN, 0};
      poll(&p, 1, 10);
    }
    const relay::Relay::GetResult answer = relay_.get_result(request);
    return answer.complete ? answer.topics : 0;
  }

 private:
  static relay::RelayOptions options() {
    relay::RelayOptions o;
    o.name = "asker";
    o.origin_id[0] = 77;
    o.instance = 77;
    o.random = [] { return storm::random_engine()() | 1; };
    return o;
  }
  relay::ZmqContext context_;
  relay::MemStore store_;
  relay::Relay relay_;
  relay::Link* link_ = nullptr;
};

struct Kept {
  uint64_t sessions, wants, requests;
  bool operator==(const Kept&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Kept& k) {
  return out << k.sessions << " sessions, " << k.wants << " wants, " << k.requests << " requests";
}

class RelayRequests : public tools::RelayTest, public testing::WithParamInterface<bool> {
 protected:
  // What the answering relay keeps: the proxy, where there is one.
  Kept kept(const std::string& endpoint) const {
    const std::string topic = GetParam() ? "smt/relay/gate/proxy/session" : "smt/relay/robot/pub/session";
    const tools::Ended got = client(endpoint, {"get", topic, "-f", "json"});
    const auto json = nlohmann::json::parse(got.out, nullptr, false);
    if (!json.is_array() || json.empty()) return {};
    const auto& value = json[0]["value"];
    return {value["opened"].get<uint64_t>() - value["ended"].get<uint64_t>(), value["wants"],
            value["requests"]};
  }
};

TEST_P(RelayRequests, LeaveNothingBehind) {
  auto node = storm::must(
      Node::open(storm::must(Domain::open({.root = root_, .domain = "robot"})), {.name = "source"}));
  std::vector<Topic<int64_t>> topics;
  for (size_t i = 0; i < kTopics; ++i) {
    topics.push_back(storm::must(Topic<int64_t>::advertise(*node, {.name = "t/" + std::to_string(i)})));
    storm::must(topics.back().publish(1));
  }
  const std::optional<Relay> gate = GetParam() ? std::optional(proxy()) : std::nullopt;
  const Relay robot = GetParam() ? pub({"--connect", gate->endpoint()}) : pub();
  const std::string endpoint = GetParam() ? gate->endpoint() : robot.endpoint();
  const Relay base = sub(endpoint, {"--topic", "t/1"});
  ASSERT_TRUE(becomes("base", "t/1", State::kFresh));
  const auto ask = [&](size_t times) {
    Asker asker(endpoint);
    for (size_t i = 0; i < times; ++i) {
      if (i % 10 == 0) storm::must(topics[i % kTopics].publish(static_cast<int64_t>(i)));
      ASSERT_EQ(asker.get(i % 2 == 0 ? "t/**" : "t/7"), i % 2 == 0 ? kTopics : 1u) << "request " << i;
    }
  };
  // The allocator settles first.
  ASSERT_NO_FATAL_FAILURE(ask(1000));
  std::vector<pid_t> pids = {robot.process->pid()};
  if (gate) pids.push_back(gate->process->pid());
  std::vector<int64_t> before;
  for (const pid_t pid : pids) before.push_back(static_cast<int64_t>(tools::memory_bytes(pid, "RssAnon")));
  // The source's relay, where there is a proxy, and the subscriber, who alone wants something.
  const Kept before_it{GetParam() ? 2u : 1u, 1, 0};
  Kept now{};
  ASSERT_TRUE(eventually([&] { return (now = kept(endpoint)) == before_it; })) << now;

  const int64_t begin = boottime_ns();
  const size_t gets = 10'000, clients = storm::scaled(50, 200);
  ASSERT_NO_FATAL_FAILURE(ask(gets));
  const int64_t took = boottime_ns() - begin;
  for (size_t i = 0; i < clients; ++i) {
    const tools::Ended got = client(endpoint, {"get", "t/**", "-f", "jsonl"});
    ASSERT_EQ(got.exit_code, 0) << got.err;
    ASSERT_EQ(static_cast<size_t>(std::count(got.out.begin(), got.out.end(), '\n')), kTopics);
  }
  EXPECT_TRUE(eventually([&] { return (now = kept(endpoint)) == before_it; })) << now;
  std::vector<int64_t> grown;
  for (size_t i = 0; i < pids.size(); ++i)
    grown.push_back((static_cast<int64_t>(tools::memory_bytes(pids[i], "RssAnon")) - before[i]) >> 10);
  storm::print_figures(
      "relay_requests{}: {} gets of one process ({:.0f} us each), {} of new ones; RssAnon of pub{} grew by "
      "{} KiB; "
      "sessions, wants and requests {} {} {} as before",
      gate ? " through a proxy" : "", gets, static_cast<double>(took) / 1e3 / static_cast<double>(gets),
      clients, gate ? " and proxy" : "", fmt::join(grown, " "), now.sessions, now.wants, now.requests);
  for (const int64_t g : grown) EXPECT_LT(g, storm::patience_factor() * 1024);
}

INSTANTIATE_TEST_SUITE_P(Way, RelayRequests, testing::Values(false, true),
                         [](const auto& way) { return way.param ? "proxied" : "direct"; });

}  // namespace
}  // namespace smt::hosts
