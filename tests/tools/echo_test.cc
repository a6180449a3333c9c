// smttopic echo: what is shown of which samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  // The lines of echo arm/pose with these flags more.
  std::vector<std::string> lines(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"smttopic", "echo", "arm/pose", "-f", "jsonl", "--duration", "100ms"});
    const Ended echo = run(flags);
    EXPECT_EQ(echo.exit_code, 0) << echo.err;
    std::vector<std::string> values;
    for (const Json& sample : json_lines(echo.out)) values.push_back(sample["value"].dump());
    return values;
  }

  std::unique_ptr<Node> node_;
};

TEST_F(Echo, PrintsOnlyTheFieldsAndElementsNamedInEachFormat) {
  const std::vector<std::string> values = lines({"--field", "q[1]", "--field", "x", "-n", "1"});
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0], R"({"q[1]":0.5,"x":1.0})");
  const std::vector<std::string> flags = {"smttopic", "echo", "arm/pose", "--field", "x",
                                          "--field",  "q",    "-n",       "1"};
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
  const Ended none = run({"smttopic", "echo", "arm/pose", "--filter", "x > 10", "--timeout", "50ms"});
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
  const Ended echo = run({"smttopic", "echo", "arm/*", "--field", "x", "--duration", "100ms", "-f", "jsonl"});
  EXPECT_EQ(echo.exit_code, 0);
  EXPECT_EQ(std::count(echo.out.begin(), echo.out.end(), '\n'), 10);
  EXPECT_THAT(echo.err, HasSubstr("arm/name is left out: no field \"x\" in string; there are value"));
}

TEST_F(Echo, WritesTheBytesOfOneTopicAsTheyAre) {
  const Ended text = run({"smttopic", "echo", "arm/name", "--raw", "-n", "1"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out, "left\narm");
  const Ended poses =
      run({"smttopic", "echo", "arm/pose", "--raw", "--filter", "x >= 9", "-n", "2", "-f", "json"});
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
