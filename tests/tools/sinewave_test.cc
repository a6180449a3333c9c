// smtsinewave as a source of signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "shm/list.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Sinewave : public ToolTest {
 protected:
  std::vector<Json> samples(const std::string& topic) const {
    return json_lines(
        run({"smttopic", "echo", topic, "--history", "-f", "jsonl", "--duration", "100ms"}).out);
  }
};

TEST_F(Sinewave, PublishesOtherSignalsArraysAndFields) {
  EXPECT_EQ(run({"smtsinewave", "a", "--signal", "constant", "--offset", "2.5", "-n", "1"}).exit_code, 0);
  EXPECT_EQ(samples("a").at(0)["value"].dump(), R"({"value":2.5})");
  EXPECT_EQ(run({"smtsinewave", "b", "--signal", "triangle", "--type", "f32[4]", "-n", "1", "--field",
                 "pose.q", "--amplitude", "2"})
                .exit_code,
            0);
  EXPECT_EQ(samples("b").at(0)["value"].dump(), R"({"pose.q":[0.0,2.0,0.0,-2.0]})");
  EXPECT_EQ(
      run({"smtsinewave", "c", "--signal", "square", "--phase", "0.5", "--type", "i8", "-n", "1"}).exit_code,
      0);
  EXPECT_EQ(samples("c").at(0)["value"].dump(), R"({"value":-1})");
  const Ended shape = run({"smtsinewave", "d", "--signal", "saw"});
  EXPECT_EQ(shape.exit_code, 2);
  EXPECT_THAT(shape.err, HasSubstr("\"saw\" is no signal; there are sine, square, ramp"));
  EXPECT_EQ(run({"smtsinewave", "d", "--field", "a b"}).exit_code, 2);
  EXPECT_EQ(run({"smtsinewave", "d", "--type", "string"}).exit_code, 2);
}

TEST_F(Sinewave, NoiseOfASeedIsTheSameEachTime) {
  const auto values = [&](const std::string& topic, const std::string& seed) {
    EXPECT_EQ(run({"smtsinewave", topic, "--signal", "noise", "--seed", seed, "-n", "1", "--type", "f64[3]"})
                  .exit_code,
              0);
    return samples(topic).at(0)["value"].dump();
  };
  EXPECT_EQ(values("a", "7"), values("b", "7"));
  EXPECT_NE(values("c", "7"), values("d", "8"));
}

TEST_F(Sinewave, PublishesManyTopicsAtTheSameInstants) {
  EXPECT_EQ(run({"smtsinewave", "a", "b/c", "--topics", "3", "-n", "20", "--rate", "500", "--history", "32"})
                .exit_code,
            0);
  Result<DomainListing> listing = list_topics(domain());
  std::vector<std::string> names;
  for (const TopicInfo& t : listing->topics) names.push_back(t.name);
  EXPECT_THAT(names, ElementsAre("a/0", "a/1", "a/2", "b/c/0", "b/c/1", "b/c/2"));
  const std::vector<Json> first = samples("a/0"), last = samples("b/c/2");
  ASSERT_EQ(first.size(), 20u);
  ASSERT_EQ(last.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(first[i]["value"], last[i]["value"]);
    EXPECT_EQ(first[i]["stamp_ns"], last[i]["stamp_ns"]);
  }
}

}  // namespace
}  // namespace smt::tools
