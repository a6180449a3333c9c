// What smttopic info says that a sample costs on the wire, against the bytes that a relay really sends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "shm/node.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using WireCost = RelayTest;

TEST_F(WireCost, IsThatOfARelaysBytes) {
  Result<Domain> robot = Domain::open({.root = root_, .domain = "robot"});
  ASSERT_TRUE(robot.ok());
  auto node = Node::open(*robot, {.name = "driver"});
  ASSERT_TRUE(node.ok());
  TopicOptions topic;
  topic.name = "pose";
  topic.schema = *Schema::parse("f64[8]");
  auto pose = (*node)->advertise(topic);
  ASSERT_TRUE(pose.ok());
  const Relay sender = pub();
  const std::string& endpoint = sender.endpoint();
  ChaosProxy wire(port_of(endpoint), 1);
  const Relay receiver = sub("tcp://127.0.0.1:" + std::to_string(wire.port()));

  std::vector<std::byte> value(64);
  const auto arrives = [&](int i) {
    value[0] = std::byte(i);
    EXPECT_TRUE(pose->publish(value).ok());
    ASSERT_TRUE(eventually([&] {
      const std::optional<Held> now = held("base", "pose");
      return now && now->bytes == value;
    }));
  };
  arrives(1);
  // The least of several tries: reports and greetings may come between.
  uint64_t min = UINT64_MAX;
  for (int i = 2; i < 40; ++i) {
    const uint64_t before = wire.counts().bytes[ChaosProxy::kDown];
    arrives(i);
    min = std::min(min, wire.counts().bytes[ChaosProxy::kDown] - before);
  }
  const Ended info = run({"smttopic", "info", "pose", "--domain", "robot", "-f", "json"});
  const auto told = nlohmann::json::parse(info.out)["wire_bytes"]["alone"].get<uint64_t>();
  EXPECT_NEAR(static_cast<double>(told), static_cast<double>(min), 12)
      << "numbers that take a byte more or less";
}

}  // namespace
}  // namespace smt::tools
