// Which samples a Follower takes of topics that are there, and of those that appear later.
#include "cmd/monitor/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "shm/node.h"
#include "tests/shm/shm_fixture.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FollowTest : public ShmTest {
 protected:
  // "topic sequence", and " missed N" where it has missed any.
  std::vector<std::string> drain(Follower* follower) {
    follower->sleep(-1, 0);  // what is new in the domain
    std::vector<std::string> out;
    follower->drain([&](const std::string& name, Follower::Topic&, const Sample& sample) {
      out.push_back(name + " " + std::to_string(sample.sequence) +
                    (sample.missed == 0 ? "" : " missed " + std::to_string(sample.missed)));
      return true;
    });
    return out;
  }
  Follower follow(Begin begin) {
    Result<Follower> follower = Follower::open(domain_, *relay::PatternSet::parse({"**"}), begin, LogSink());
    EXPECT_TRUE(follower.ok()) << follower.status().message();
    return std::move(*follower);
  }
  static void publish(Publisher& p, int count) {
    for (int i = 0; i < count; ++i) publish_value(p, "v");
  }

  Domain domain_ = open_domain();
  std::unique_ptr<Node> node_ = open_node(domain_, "n");
};

TEST_F(FollowTest, TopicsThatAreThereBeginAsToldAndMissNothingThatWasBefore) {
  Publisher p = advertise(*node_, "t", {.history = 4});
  publish(p, 10);
  Follower newest = follow(Begin::kNewest), oldest = follow(Begin::kOldest);
  EXPECT_THAT(drain(&newest), ElementsAre("t 10"));
  EXPECT_THAT(drain(&oldest), ElementsAre("t 7", "t 8", "t 9", "t 10"));
  publish(p, 6);
  for (Follower* f : {&newest, &oldest}) {
    EXPECT_THAT(drain(f), ElementsAre("t 13 missed 2", "t 14", "t 15", "t 16"));
  }
}

TEST_F(FollowTest, WhatTopicsLostBeforeTheyWereFoundIsMissedIfTheyAreToBeginWithTheFirst) {
  Publisher p = advertise(*node_, "t", {.history = 4});
  publish(p, 10);
  Follower first = follow(Begin::kFirst);
  EXPECT_THAT(drain(&first), ElementsAre("t 7 missed 6", "t 8", "t 9", "t 10"));
}

TEST_F(FollowTest, OfTopicsThatAppearLaterEachSampleIsTakenOrMissed) {
  Follower newest = follow(Begin::kNewest), oldest = follow(Begin::kOldest);
  EXPECT_THAT(drain(&newest), IsEmpty());
  Publisher p = advertise(*node_, "later", {.history = 4});
  publish(p, 6);
  for (Follower* f : {&newest, &oldest}) {
    EXPECT_THAT(drain(f), ElementsAre("later 3 missed 2", "later 4", "later 5", "later 6"));
  }
}

TEST_F(FollowTest, AMirrorThatAppearsLaterHasNotMissedWhatItsSourceHadBefore) {
  auto mirror = open_node(domain_, "m", {.mirror = true});
  Follower follower = follow(Begin::kOldest);
  TopicOrigin origin;
  origin.segment_id[0] = 1;
  Publisher p = advertise(*mirror, "far", {.history = 4, .origin = origin, .hops = 1, .first_sequence = 1});
  EXPECT_THAT(drain(&follower), IsEmpty());
  for (const uint64_t sequence : {1000, 1001, 1004}) SMT_ASSERT_OK(p.publish({}, {sequence, 0, 0, 0}));
  EXPECT_THAT(drain(&follower), ElementsAre("far 1000", "far 1001", "far 1004 missed 2"));
}

}  // namespace
}  // namespace smt::cmd
