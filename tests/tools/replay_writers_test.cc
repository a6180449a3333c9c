// A replay into a domain where a live program publishes the same topics would mix both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "shm/node.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ReplayWriters : public ToolTest {
 protected:
  ReplayWriters() {
    const std::string rows = "timestamp,x,y\nuint64_t,double,double\n0,1,2\n1000,3,4\n";
    for (const char* name : {"rec/a.0.csv", "rec/b.0.csv"})
      folder_of_log_ = std::filesystem::path(write(name, rows)).parent_path();
  }
  Ended replay(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"smtreplay", folder_of_log_, "--asap"});
    return run(more);
  }
  // A live program that publishes the topic.
  std::unique_ptr<Node> driver(const std::string& topic) {
    Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "driver"});
    EXPECT_TRUE(node.ok()) << node.status().message();
    Result<Publisher> publisher = (*node)->advertise({.name = topic, .schema = Schema::scalar(Type::kF64)});
    EXPECT_TRUE(publisher.ok()) << publisher.status().message();
    publisher_ = std::move(*publisher);
    return std::move(*node);
  }
  Json topics() const { return Json::parse(run({"smttopic", "list", "-f", "json"}).out); }

  std::string folder_of_log_;
  std::optional<Publisher> publisher_;
};

TEST_F(ReplayWriters, ThatLiveAreNamedAndNothingIsPublished) {
  const auto node = driver("b/0");
  const Ended refused = replay();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("b/0 by node driver (pid " + std::to_string(getpid()) + ")"),
                                 HasSubstr("--prefix"), HasSubstr("--force")));
  EXPECT_EQ(topics().size(), 1u) << "no topic of the recording came";
  EXPECT_EQ(replay({"--prefix", "old"}).exit_code, 0);
  EXPECT_EQ(replay({"--split"}).exit_code, 0) << "its topics are b/0/x and b/0/y";
  EXPECT_EQ(replay({"--domain", "other"}).exit_code, 0);
  const Ended forced = replay({"--force"});
  EXPECT_EQ(forced.exit_code, 0) << forced.err;
  publisher_.reset();
}

TEST_F(ReplayWriters, ThatAreDeadAreInNobodysWay) {
  {
    const auto node = driver("b/0");
    publisher_.reset();
  }
  EXPECT_EQ(replay().exit_code, 0);
  EXPECT_EQ(replay().exit_code, 0) << "nor is an earlier replay";
}

TEST_F(ReplayWriters, ThatPublishAFieldAreInTheWayOfASplitReplay) {
  const auto node = driver("a/0/y");
  EXPECT_EQ(replay().exit_code, 0);
  const Ended refused = replay({"--split", "--node", "second"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("a/0/y by node driver"));
  publisher_.reset();
}

TEST_F(ReplayWriters, OfAnotherReplayAreInTheWayToo) {
  Process first({"smtreplay", folder_of_log_, "--loop", "--speed", "0.001", "--node", "first"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "b/0"}).exit_code == 0; }));
  const Ended second = replay({"--node", "second"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("a/0 by node first"));
  first.send(SIGTERM);
  EXPECT_EQ(first.wait().exit_code, 0);
}

}  // namespace
}  // namespace smt::tools
