// smttopic list, find, info and watch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <regex>

#include "shm/topic.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"
#include "tests/tools/terminal_process.h"

struct ListPose {
  double x, y;
  float q[4];
};
SMT_FIELDS(ListPose, x, y, q)

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class List : public ToolTest {
 protected:
  List() : node_(std::move(*Node::open(domain(), {.name = "arm"}))) {}
  void advertise(const std::string& name, int64_t max_age_ns = 0) {
    auto pose = Topic<ListPose>::advertise(*node_, {.name = name, .max_age_ns = max_age_ns});
    ASSERT_TRUE(pose.ok());
    EXPECT_TRUE(pose->publish({1, 2, {}}).ok());
    poses_.push_back(std::move(*pose));
  }
  std::vector<std::string> names(std::vector<std::string> args) const {
    args.insert(args.begin(), "smttopic");
    args.insert(args.end(), {"-f", "json"});
    std::vector<std::string> names;
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    for (const Json& topic : Json::parse(ended.out)) names.push_back(topic["topic"]);
    return names;
  }

  std::unique_ptr<Node> node_;
  std::vector<Topic<ListPose>> poses_;
};

TEST_F(List, ShowsOnlyTypesAndStatesAskedFor) {
  advertise("arm/pose");
  run({"smttopic", "pub", "arm/limit", "f64[2]", "[1,2]"});
  run({"smttopic", "pub", "leg/limit", "f64", "1"});
  EXPECT_THAT(names({"list"}), ElementsAre("arm/limit", "arm/pose", "leg/limit"));
  EXPECT_THAT(names({"list", "--type", "f64*"}), ElementsAre("arm/limit", "leg/limit"));
  EXPECT_THAT(names({"list", "--type", "f64[2]"}), ElementsAre("arm/limit"));
  EXPECT_THAT(names({"list", "arm/*", "--type", "re:f.*|ListP.*"}), ElementsAre("arm/limit", "arm/pose"));
  EXPECT_THAT(names({"list", "--state", "fresh"}), ElementsAre("arm/pose"));
  EXPECT_THAT(names({"list", "--state", "fresh", "--state", "source-dead", "arm/**"}),
              ElementsAre("arm/limit", "arm/pose"));
  EXPECT_THAT(names({"list", "--state", "stale"}), ElementsAre());
  EXPECT_THAT(names({"find", "*Pose"}), ElementsAre("arm/pose"));
  EXPECT_THAT(names({"find", "f64*", "--state", "fresh"}), ElementsAre());
  const Ended state = run({"smttopic", "list", "--state", "old"});
  EXPECT_EQ(state.exit_code, 2);
  EXPECT_THAT(state.err,
              HasSubstr("\"old\" is no state; there are empty, fresh, stale, source-dead, link-down"));
  EXPECT_EQ(run({"smttopic", "list", "--type", "a**"}).exit_code, 2);
}

TEST_F(List, ShowsATree) {
  for (const char* name : {"arm", "arm/left/pose", "arm/left/q", "base"}) advertise(name);
  const std::string tree = run({"smttopic", "list", "--tree"}).out;
  EXPECT_THAT(tree, MatchesRegex("NAME     +TYPE .*\n"
                                 "arm       ListPose .* fresh\n"
                                 "arm/\n"
                                 "  left/\n"
                                 "    pose  ListPose .* fresh\n"
                                 "    q     ListPose .* fresh\n"
                                 "base      ListPose .* fresh\n"));
}

TEST_F(List, ShowsMoreWhenAskedTo) {
  advertise("arm/pose");
  const std::string table = run({"smttopic", "list", "-l"}).out;
  EXPECT_THAT(table, HasSubstr("HISTORY  SEQUENCE  HOPS  ORIGIN"));
  EXPECT_TRUE(std::regex_search(table, std::regex(" 4 +1 +0 +[^ ]+/d/arm +fresh\n"))) << table;
}

TEST_F(List, FitsATerminalOfEightyColumns) {
  advertise("robot/arm/left/joint_state");
  run({"smttopic", "pub", "robot/arm/right/joint_state/x", "f64", "1", "--node",
       "a_node_of_a_very_long_name_indeed"});
  Terminal terminal(80);
  Process::Options options = env({{"NO_COLOR", "1"}, {"TERM", "xterm"}});
  {
    const Fd shown = terminal.open();
    options.stdout_fd = shown.get();
    EXPECT_EQ(run_process({"smttopic", "list"}, options).exit_code, 0);
  }
  terminal.take_all();
  const std::string& text = terminal.shown();
  EXPECT_THAT(text, AllOf(HasSubstr("robot/arm/left/joint_state     ListPose"), HasSubstr("…"),
                          HasSubstr("source-dead\r\n"), HasSubstr("fresh\r\n")));
  for (size_t begin = 0, end; begin < text.size(); begin = end + 2) {
    end = text.find("\r\n", begin);
    ASSERT_NE(end, text.npos);
    const std::string line = text.substr(begin, end - begin);
    EXPECT_LE(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }), 80) << line;
  }
  EXPECT_THAT(run({"smttopic", "list"}).out, HasSubstr("a_node_of_a_very_long_name_indeed (gone)"))
      << "what is no terminal gets all";
}

TEST_F(List, HasAColumnOfWritersThatManyWhoAreGoneDoNotWiden) {
  for (int i = 0; i < 6; ++i) {
    run({"smttopic", "pub", "arm", "f64", "1", "--node", "mirror-0123456789ab-" + std::to_string(i)});
  }
  EXPECT_THAT(run({"smttopic", "list"}).out,
              HasSubstr("  mirror-0123456789ab-0 (gone) +5 gone  source-dead\n"));
  Process live({"smtsinewave", "arm", "--node", "z", "--type", "f64"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "list"}).out.find("fresh") != std::string::npos; }));
  const std::string pid = std::to_string(live.pid());
  EXPECT_THAT(run({"smttopic", "list"}).out, HasSubstr("  z (pid " + pid + ") +6 gone  fresh\n"));
  EXPECT_THAT(run({"smttopic", "info", "arm"}).out,
              HasSubstr("mirror-0123456789ab-5 (gone), z (pid " + pid + ")"))
      << "info has them all";
  run({"smttopic", "pub", "leg", "f64", "1", "--node", std::string(64, 'n')});
  EXPECT_THAT(run({"smttopic", "list"}).out,
              HasSubstr("  " + std::string(32, 'n') + "… (gone)  source-dead\n"));
}

TEST_F(List, InfoTellsWhereATopicIsAndWhatItCostsOnTheWire) {
  advertise("arm/pose");
  const std::string info = run({"smttopic", "info", "arm/pose"}).out;
  EXPECT_THAT(info,
              AllOf(HasSubstr("\nsegment      " + folder() + "/arm\n"), HasSubstr("domain d, node arm\n"),
                    HasSubstr("bytes a sample in a message of its own, ")));
  EXPECT_TRUE(std::regex_search(
      info, std::regex("\nFIELD  TYPE  OFFSET  COUNT  UNIT\n.*\n.*\nq      f32       16      4  -\n")))
      << info;
  const Json json = Json::parse(run({"smttopic", "info", "arm/pose", "-f", "json"}).out);
  EXPECT_GT(json["wire_bytes"]["beside"], 32);
  EXPECT_GT(json["wire_bytes"]["alone"], json["wire_bytes"]["beside"]);
}

std::vector<std::string> parse_events(const std::string& jsonl) {
  std::vector<std::string> events;
  for (const Json& event : json_lines(jsonl))
    events.push_back(event["topic"].get<std::string>() + " " + event["event"].get<std::string>());
  return events;
}

TEST_F(List, WatchTellsWhatHappens) {
  advertise("old");
  Process watch({"smttopic", "watch", "-f", "jsonl"}, env());
  watch.wait_for_error("watching 1 topics");
  advertise("new", 1'000'000'000);
  watch.wait_for_output("\"new\",\"event\":\"appears\"");
  watch.wait_for_output("\"new\",\"event\":\"stale\"");
  EXPECT_TRUE(poses_[1].publish({2, 3, {}}).ok());
  watch.wait_for_output("fresh\",\"state\":\"fresh\",\"type\":\"ListPose\",\"sequence\":2");
  watch.wait_for_output("stale\",\"state\":\"stale\",\"type\":\"ListPose\",\"sequence\":2");
  poses_.pop_back();
  ASSERT_TRUE(node_->remove("new").ok());
  watch.wait_for_output("\"new\",\"event\":\"vanishes\"");
  poses_.clear();
  node_.reset();
  watch.wait_for_output("\"old\",\"event\":\"source-dead\"");
  watch.send(SIGINT);
  const Ended ended = watch.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::vector<std::string> events = parse_events(ended.out);
  // It may have been seen before its first sample was there.
  if (events.size() > 1 && events[1] == "new fresh") events.erase(events.begin() + 1);
  EXPECT_THAT(events, ElementsAre("new appears", "new stale", "new fresh", "new stale", "new vanishes",
                                  "old source-dead"));
}

TEST_F(List, WatchSeesOtherTypesAndOnlyWhatItsPatternNames) {
  advertise("x");
  Process watch({"smttopic", "watch", "x", "-n", "1"}, env());
  watch.wait_for_error("watching 1 topics");
  run({"smttopic", "pub", "y", "u8", "1"});
  poses_.clear();
  auto other = Topic<double>::advertise(*node_, {.name = "x"});
  ASSERT_TRUE(other.ok());
  const Ended ended = watch.wait();
  EXPECT_THAT(ended.out, MatchesRegex("[0-9T:.-]+Z  type         x  f64\n"));
}

TEST_F(List, WatchEndsWhenNothingHappensOrItsTimeIsOver) {
  const Ended silent = run({"smttopic", "watch", "--timeout", "50ms"});
  EXPECT_EQ(silent.exit_code, 3);
  EXPECT_THAT(silent.err, HasSubstr("**: nothing happened within 50 ms"));
  EXPECT_EQ(run({"smttopic", "watch", "--duration", "50ms", "-f", "json"}).out, "[]\n");
  Process watch({"smttopic", "watch", "--domain", "later", "-n", "1", "-f", "csv"}, env());
  watch.wait_for_error("waiting");
  run({"smttopic", "pub", "z", "u8", "1", "--domain", "later"});
  EXPECT_THAT(watch.wait().out, AllOf(testing::StartsWith("time_ns,topic,event,state,type,sequence,age_ns\n"),
                                      HasSubstr(",z,appears,")));
}

}  // namespace
}  // namespace smt::tools
