// smtcore, seen from outside: what it removes and what it leaves, what it tells, what it publishes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "shm/node.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Smtcore : public ToolTest {
 protected:
  bool published(const std::string& topic) const {
    return run({"smttopic", "echo", "--once", topic}).exit_code == 0;
  }
  bool has(const std::string& node) const { return std::filesystem::exists(folder() + "/" + node); }
  // The rows of --once, by node.
  std::map<std::string, Json> report(std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"smtcore", "--once", "-f", "json"};
    args.insert(args.end(), more.begin(), more.end());
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    std::map<std::string, Json> rows;
    for (const Json& row : Json::parse(ended.out)) rows[row["node"]] = row;
    return rows;
  }
  // The newest value of a topic that smtcore publishes; null: none yet.
  Json value(const std::string& topic) const {
    const Ended echo = run({"smttopic", "echo", "--once", "-f", "jsonl", topic});
    return echo.exit_code == 0 ? Json::parse(echo.out)["value"] : Json();
  }
};

TEST_F(Smtcore, OnceTellsWhoLivesHasEndedAndHasDied) {
  run({"smttopic", "pub", "ended", "u8", "1"});
  Process live({"smtsinewave", "live", "--node", "live"}, env());
  Process dead({"smtsinewave", "dead", "--node", "dead"}, env());
  ASSERT_TRUE(eventually([&] { return published("live") && published("dead"); }));
  dead.send(SIGKILL);
  dead.wait();
  auto rows = report();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows["live"]["state"], "live");
  EXPECT_EQ(rows["live"]["pid"], live.pid());
  EXPECT_EQ(rows["live"]["dead_ns"], 0);
  EXPECT_EQ(rows["dead"]["state"], "dead");
  EXPECT_GT(rows["dead"]["dead_ns"], 0);
  EXPECT_EQ(rows["dead"]["removed"], false);
  for (const auto& [node, row] : rows) {
    if (node != "live" && node != "dead") {
      EXPECT_EQ(row["state"], "ended") << node;
    }
    EXPECT_EQ(row["topics"], 1) << node;
    EXPECT_GE(row["publications"], 1) << node;
  }
  const std::string table = run({"smtcore", "--once"}).out;
  EXPECT_THAT(table, ContainsRegex("NODE .*PUBLICATIONS.*\ncli-.* ended .*\ndead +dead .*\nlive +live "));
}

TEST_F(Smtcore, RemovesNothingUnlessToldTo) {
  run({"smttopic", "pub", "a", "u8", "1"});
  const auto rows = report();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(has(rows.begin()->first));
  EXPECT_EQ(run({"smttopic", "list"}).out.find("a ") != std::string::npos, true);
}

TEST_F(Smtcore, OnceRemovesTheDeadThatAreOldEnoughAndNotThoseToKeepNorTheLive) {
  Process live({"smtsinewave", "live", "--node", "live"}, env());
  for (const char* node : {"old", "kept-map"}) {
    run({"smtsinewave", node, "--node", node, "-n", "1"});
  }
  run({"smtsinewave", "asks", "--node", "asks", "-n", "1", "--keep"});
  ASSERT_TRUE(eventually([&] { return published("live"); }));
  auto rows = report({"--remove-after", "1h", "--keep", "kept-*"});
  EXPECT_TRUE(has("old")) << "an hour is not over";
  rows = report({"--remove-after", "0", "--keep", "kept-*"});
  EXPECT_EQ(rows["old"]["removed"], true);
  EXPECT_EQ(rows["kept-map"]["removed"], false);
  EXPECT_EQ(rows["live"]["removed"], false);
  EXPECT_FALSE(has("old"));
  EXPECT_FALSE(has("old.bell"));
  EXPECT_TRUE(has("kept-map"));
  EXPECT_EQ(rows["asks"]["keep"], true);
  EXPECT_TRUE(has("asks"));
  EXPECT_EQ(run({"smttopic", "echo", "--once", "live"}).exit_code, 0);
}

TEST_F(Smtcore, RemovesNoOthersThanThoseThatItIsToldTo) {
  for (const char* node : {"old-1", "old-2", "other"}) run({"smtsinewave", node, "--node", node, "-n", "1"});
  report({"--remove-after", "0", "--only", "old-*", "--keep", "old-2"});
  EXPECT_FALSE(has("old-1"));
  EXPECT_TRUE(has("old-2"));
  EXPECT_TRUE(has("other"));
}

TEST_F(Smtcore, RemovesWhatAnotherOneOfItsKindLeftWhenItWasKilled) {
  {
    Process core({"smtcore"}, env());
    ASSERT_TRUE(eventually([&] { return has("smtcore"); }));
    core.send(SIGKILL);
    core.wait();
  }
  report({"--remove-after", "0"});
  EXPECT_FALSE(has("smtcore"));
}

TEST_F(Smtcore, RemovesANodeSoLongAfterItsDeathAndTellsIt) {
  Process core({"smtcore", "--remove-after", "300ms", "--interval", "50ms"}, env());
  ASSERT_TRUE(eventually([&] { return has("smtcore"); }));
  Process node({"smtsinewave", "a", "--node", "a"}, env());
  core.wait_for_error("node a has come, pid " + std::to_string(node.pid()));
  ASSERT_TRUE(eventually([&] { return published("a"); }));
  const int64_t begin = boottime_ns();
  node.send(SIGKILL);
  node.wait();
  core.wait_for_error("node a has died");
  ASSERT_TRUE(eventually([&] { return !has("a"); }));
  EXPECT_GE(boottime_ns() - begin, 300'000'000);
  core.wait_for_error("removed what node a left, topics: 1");
  EXPECT_TRUE(eventually([&] {
    const Json now = value("smt/core/domain");
    return !now.is_null() && now["removed"] == 1 && now["died"] == 1 && now["nodes_live"] == 0;
  }));
  core.send(SIGTERM);
  EXPECT_EQ(core.wait().exit_code, 0);
  EXPECT_FALSE(has("smtcore")) << "it leaves nothing itself";
}

TEST_F(Smtcore, PublishesWhatItCountsAndSeesASuccessor) {
  Process core({"smtcore", "--interval", "50ms"}, env());
  ASSERT_TRUE(eventually([&] { return has("smtcore"); }));
  {
    Process node({"smtsinewave", "a", "--node", "a", "--rate", "1000"}, env());
    EXPECT_TRUE(eventually([&] {
      const Json a = value("smt/core/node/a"), all = value("smt/core/domain");
      return !a.is_null() && a["publications"] > 100 && a["live"] == 1 && a["pid"] == node.pid() &&
             all["nodes_live"] == 1 && all["topics"] == 1 && all["publications"] > 100;
    }));
    node.send(SIGKILL);
    node.wait();
  }
  EXPECT_TRUE(eventually([&] { return value("smt/core/node/a")["live"] == 0; }));
  Process again({"smtsinewave", "a", "--node", "a"}, env());
  core.wait_for_error("node a goes on as pid " + std::to_string(again.pid()));
  EXPECT_TRUE(eventually([&] { return value("smt/core/node/a")["epoch"] == 2; }));
  again.send(SIGINT);
  again.wait();
  core.wait_for_error("node a has ended");
  run({"smttopic", "rm", "a"});
  core.wait_for_error("node a is gone");
  EXPECT_TRUE(eventually([&] { return run({"smttopic", "info", "smt/core/node/a"}).exit_code == 4; }));
  const Json all = value("smt/core/domain");
  EXPECT_GT(all["folder_bytes"], 0);
  EXPECT_EQ(all["unreadable"], 0);
}

TEST_F(Smtcore, TellsWritersInConflictWithTheirNames) {
  Process core({"smtcore", "--interval", "50ms"}, env());
  Process one({"smtsinewave", "speed", "--node", "one"}, env());
  {
    Process two({"smtsinewave", "speed", "--node", "two"}, env());
    core.wait_for_error("speed is published by several nodes: one, two");
    EXPECT_TRUE(eventually([&] {
      const Json now = value("smt/core/domain");
      return !now.is_null() && now["conflicts"] == 1;
    }));
  }
  core.wait_for_error("speed has one writer again");
}

TEST_F(Smtcore, OnlyOneKeepsHouseInADomain) {
  Process first({"smtcore"}, env());
  ASSERT_TRUE(eventually([&] { return has("smtcore"); }));
  const Ended second = run({"smtcore"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("already running: pid " + std::to_string(first.pid())));
  EXPECT_EQ(run({"smtcore", "--once"}).exit_code, 0) << "to look is free";
}

TEST_F(Smtcore, ASegmentThatIsNoneIsToldAndLeftAlone) {
  run({"smttopic", "pub", "a", "u8", "1"});
  std::ofstream(folder() + "/junk") << "no segment";
  const Ended once = run({"smtcore", "--once", "-f", "json", "--remove-after", "0"});
  EXPECT_EQ(once.exit_code, 0);
  EXPECT_THAT(once.err, HasSubstr("junk"));
  EXPECT_THAT(once.out, Not(HasSubstr("junk")));
  EXPECT_TRUE(has("junk"));
}

TEST_F(Smtcore, BadUseIsToldAndMakesNothing) {
  EXPECT_EQ(run({"smtcore", "--interval", "0"}).exit_code, 2);
  EXPECT_EQ(run({"smtcore", "--remove-after", "soon"}).exit_code, 2);
  EXPECT_EQ(run({"smtcore", "--keep", "a//b", "--once"}).exit_code, 1) << "there is no domain yet";
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

}  // namespace
}  // namespace smt::tools
