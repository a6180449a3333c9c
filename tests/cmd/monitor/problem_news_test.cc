// Problems that are found at each look are told when they are new.
#include "cmd/monitor/problem_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ProblemNewsTest, AProblemIsToldOnceWhileItLastsAndAgainWhenItComesBack) {
  ProblemNews news;
  EXPECT_THAT(news.look({"a is damaged", "b is damaged"}), ElementsAre("a is damaged", "b is damaged"));
  EXPECT_THAT(news.look({"a is damaged", "b is damaged"}), IsEmpty());
  EXPECT_THAT(news.look({"b is damaged", "c is damaged"}), ElementsAre("c is damaged"));
  EXPECT_THAT(news.look({"a is damaged", "b is damaged"}), ElementsAre("a is damaged"));
  EXPECT_THAT(news.look({}), IsEmpty());
  EXPECT_THAT(news.look({"b is damaged"}), ElementsAre("b is damaged"));
}

}  // namespace
}  // namespace smt::cmd
