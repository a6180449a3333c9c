// Which nodes a census finds, who lives, and which topics several nodes publish.
#include "cmd/monitor/census.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shm/node.h"
#include "tests/shm/shm_fixture.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CensusTest : public ShmTest {
 protected:
  std::map<std::string, std::vector<std::string>> conflicts() {
    EXPECT_TRUE(census_.look().ok());
    return census_.conflicts();
  }

  Domain domain_ = open_domain();
  Census census_{domain_};
};

TEST_F(CensusTest, ATopicThatSeveralNodesPublishIsAConflict) {
  auto one = open_node(domain_, "one"), two = open_node(domain_, "two");
  Publisher a = advertise(*one, "speed"), b = advertise(*two, "speed");
  publish_value(a, "x");
  EXPECT_THAT(conflicts(), IsEmpty()) << "only one has published it";
  publish_value(b, "x");
  EXPECT_THAT(conflicts()["speed"], ElementsAre("one", "two"));
}

TEST_F(CensusTest, ATopicThatANodeHasOfItsPredecessorAloneIsNoConflict) {
  {
    auto one = open_node(domain_, "one");
    Publisher p = advertise(*one, "speed");
    publish_value(p, "x");
  }
  auto one = open_node(domain_, "one"), two = open_node(domain_, "two");
  Publisher p = advertise(*two, "speed");
  publish_value(p, "x");
  EXPECT_THAT(conflicts(), IsEmpty());
}

}  // namespace
}  // namespace smt::cmd
