// smttopic echo: what is shown of which samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "shm/topic.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

struct EchoPose {
  double x, y;
  float q[4];
};
SMT_FIELDS(EchoPose, x, y, q)

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Echo : public ToolTest {
 protected:
  // arm/pose: x = 1 ... 10, y = -x, q = {0, x / 2, 0, 0}; arm/name: text.
  Echo() : node_(std::move(*Node::open(domain(), {.name = "arm"}))) {
    auto pose = Topic<EchoPose>::advertise(*node_, {.name = "arm/pose", .history = 16});
    EXPECT_TRUE(pose.ok());
    for (int i = 1; i <= 10; ++i) {
      const double x = i;
      EXPECT_TRUE(pose->publish({x, -x, {0, static_cast<float>(x / 2), 0, 0}}).ok());
    }
    run({"smttopic", "pub", "arm/name", "string", "\"left\\narm\""});
  }
  // The lines of echo arm/pose --history with these flags more.
  std::vector<std::string> lines(std::vector<std::string> flags) const {
    flags.insert(flags.begin(),
                 {"smttopic", "echo", "arm/pose", "--history", "-f", "jsonl", "--duration", "100ms"});
    const Ended echo = run(flags);
    EXPECT_EQ(echo.exit_code, 0) << echo.err;
    std::vector<std::string> values;
    for (const Json& sample : json_lines(echo.out)) values.push_back(sample["value"].dump());
    return values;
  }

  std::unique_ptr<Node> node_;
};

TEST_F(Echo, BeginsWithTheNewestSampleAndFollows) {
  Process echo({"smttopic", "echo", "arm/pose", "-n", "3", "-f", "jsonl"}, env());
  echo.wait_for_output("\n");
  auto pose = Topic<EchoPose>::advertise(*node_, {.name = "arm/pose", .history = 16});
  ASSERT_TRUE(pose.ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(pose->publish({}).ok());
  const Ended ended = echo.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  uint64_t sequence = 9;
  for (const Json& sample : json_lines(ended.out)) {
    EXPECT_EQ(sample["sequence"], ++sequence);
    EXPECT_EQ(sample["missed"], 0);
  }
  EXPECT_EQ(sequence, 12u);
}

TEST_F(Echo, BeginsWithTheOldestSampleThatIsThereIfItIsToldTo) {
  auto ring = Topic<double>::advertise(*node_, {.name = "ring", .history = 4});
  ASSERT_TRUE(ring.ok());
  for (int i = 1; i <= 10; ++i) EXPECT_TRUE(ring->publish(i).ok());
  const std::vector<Json> samples =
      json_lines(run({"smttopic", "echo", "ring", "--history", "-n", "4", "-f", "jsonl"}).out);
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0]["sequence"], 7);
  EXPECT_EQ(samples[0]["missed"], 0) << "the others were gone before it began";
  EXPECT_EQ(samples[3]["sequence"], 10);
  EXPECT_EQ(run({"smttopic", "echo", "ring", "--history", "--once"}).exit_code, 2);
}

TEST_F(Echo, HasMissedWhatWasLostInADomainThatItWaitedFor) {
  Process all({"smttopic", "echo", "x", "-n", "4", "--domain", "later", "-f", "jsonl"}, env());
  Process once({"smttopic", "echo", "x", "--once", "--timeout", "20s", "--domain", "later", "-f", "jsonl"},
               env());
  all.wait_for_error("waiting");
  once.wait_for_error("waiting");
  {
    const auto later = Domain::open({.root = root_, .domain = "new"});
    ASSERT_TRUE(later.ok());
    const auto node = Node::open(*later, {.name = "n"});
    ASSERT_TRUE(node.ok());
    auto topic = Topic<double>::advertise(**node, {.name = "x", .history = 4});
    ASSERT_TRUE(topic.ok());
    for (int i = 1; i <= 10; ++i) EXPECT_TRUE(topic->publish(i).ok());
  }
  std::filesystem::rename(root_ + "/new", root_ + "/later");
  const std::vector<Json> samples = json_lines(all.wait().out);
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0]["sequence"], 7);
  EXPECT_EQ(samples[0]["missed"], 6);
  const std::vector<Json> newest = json_lines(once.wait().out);
  ASSERT_EQ(newest.size(), 1u);
  EXPECT_EQ(newest[0]["sequence"], 10);
  EXPECT_EQ(newest[0]["missed"], 0) << "none before it was asked for";
}

TEST_F(Echo, TellsAStateThatFitsTheAgeOfTheSample) {
  auto pose = Topic<double>::advertise(*node_, {.name = "x", .max_age_ns = 60'000'000'000});
  ASSERT_TRUE(pose.ok());
  const int64_t now = boottime_ns();
  EXPECT_TRUE(pose->publish(1, 0, now - 61'000'000'000).ok());
  EXPECT_TRUE(pose->publish(2, 0, now).ok());
  const std::vector<Json> samples =
      json_lines(run({"smttopic", "echo", "x", "--history", "-n", "2", "-f", "jsonl"}).out);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_GT(samples[0]["age_ns"], 60'000'000'000);
  EXPECT_EQ(samples[0]["state"], "stale") << "though the topic is fresh by now";
  EXPECT_LT(samples[1]["age_ns"], 60'000'000'000);
  EXPECT_EQ(samples[1]["state"], "fresh");
}

TEST_F(Echo, PrintsOnlyTheFieldsAndElementsNamedInEachFormat) {
  const std::vector<std::string> values = lines({"--field", "q[1]", "--field", "x", "-n", "1"});
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0], R"({"q[1]":0.5,"x":1.0})");
  const std::vector<std::string> flags = {"smttopic", "echo",    "arm/pose", "--history", "--field",
                                          "x",        "--field", "q",        "-n",        "1"};
  const auto as = [&](const std::string& format) {
    std::vector<std::string> all = flags;
    all.insert(all.end(), {"-f", format});
    return run(all).out;
  };
  EXPECT_THAT(
      as("csv"),
      AllOf(StartsWith("topic,sequence,stamp_ns,receive_ns,age_ns,state,missed,x,q[0],q[1],q[2],q[3]\n"),
            HasSubstr(",1.0,0.0,0.5,0.0,0.0\n")));
  EXPECT_THAT(as("table"), AllOf(HasSubstr("\n  x: 1.0\n  q: [0.0, 0.5, 0.0, 0.0]\n"), Not(HasSubstr("y:"))));
  EXPECT_EQ(Json::parse(as("json"))[0]["value"].size(), 2u);
}

TEST_F(Echo, PrintsOnlySamplesThatFitTheFilterAndCountsOnlyThose) {
  EXPECT_EQ(lines({"--filter", "x > 3 && x <= 5 || q[1] == 5", "--field", "y"}),
            (std::vector<std::string>{R"({"y":-4.0})", R"({"y":-5.0})", R"({"y":-10.0})"}));
  EXPECT_EQ(lines({"--filter", "x >= 2", "-n", "3", "--field", "x"}).size(), 3u);
  const Ended none =
      run({"smttopic", "echo", "arm/pose", "--history", "--filter", "x > 10", "--timeout", "50ms"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("no sample that fits the filter within 50 ms"));
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "--once", "--filter", "x < 10"}).exit_code, 3)
      << "the newest is 10";
}

TEST_F(Echo, SaysWhichFieldsThereAre) {
  const Ended field = run({"smttopic", "echo", "arm/pose", "--field", "z"});
  EXPECT_EQ(field.exit_code, 2);
  EXPECT_THAT(field.err, HasSubstr("no field \"z\" in EchoPose; there are x, y, q[4]"));
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "--filter", "z == 1"}).exit_code, 2);
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "--field", "q[4]"}).exit_code, 2);
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "--filter", "x == 'one'"}).exit_code, 2);
  const Ended grammar = run({"smttopic", "echo", "nothing/yet", "--filter", "x >> 1"});
  EXPECT_EQ(grammar.exit_code, 2) << "before anything is there";
  EXPECT_THAT(grammar.err, HasSubstr("filter, column 4: expected a number"));
}

TEST_F(Echo, LeavesOutTopicsWithoutTheFieldWhereAnotherHasIt) {
  const Ended echo =
      run({"smttopic", "echo", "arm/*", "--history", "--field", "x", "--duration", "100ms", "-f", "jsonl"});
  EXPECT_EQ(echo.exit_code, 0);
  EXPECT_EQ(std::count(echo.out.begin(), echo.out.end(), '\n'), 10);
  EXPECT_THAT(echo.err, HasSubstr("arm/name is left out: no field \"x\" in string; there are value"));
}

TEST_F(Echo, WritesTheBytesOfOneTopicAsTheyAre) {
  const Ended text = run({"smttopic", "echo", "arm/name", "--raw", "-n", "1"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out, "left\narm");
  const Ended poses = run(
      {"smttopic", "echo", "arm/pose", "--history", "--raw", "--filter", "x >= 9", "-n", "2", "-f", "json"});
  ASSERT_EQ(poses.out.size(), 2 * sizeof(EchoPose));
  EchoPose pose[2];
  memcpy(pose, poses.out.data(), sizeof pose);
  EXPECT_EQ(pose[0].x, 9);
  EXPECT_EQ(pose[1].q[1], 5);
  EXPECT_EQ(run({"smttopic", "echo", "arm/*", "--raw"}).exit_code, 2);
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "arm/name", "--raw"}).exit_code, 2);
  EXPECT_EQ(run({"smttopic", "echo", "arm/pose", "--raw", "--field", "x"}).exit_code, 2);
}

}  // namespace
}  // namespace smt::tools
