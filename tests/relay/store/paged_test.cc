#include "relay/store/paged.h"

#include <gtest/gtest.h>

#include <vector>

namespace smt::relay {
namespace {

TEST(PagedTest, ANumberThatNobodyHasAskedForHasNoPage) {
  Paged<int> values;
  EXPECT_TRUE(values.is_empty());
  EXPECT_FALSE(values.has(0));
  values.at(1000) = 7;
  EXPECT_FALSE(values.is_empty());
  EXPECT_FALSE(values.has(0));
  EXPECT_FALSE(values.has(1024));
  EXPECT_TRUE(values.has(1000));
  EXPECT_EQ(values[1000], 7);
  EXPECT_EQ(values[1001], 0) << "it is on the same page";
}

TEST(PagedTest, ValuesStayWhereTheyAreWhenOthersAreAdded) {
  Paged<int> values;
  int* const first = &values.at(3);
  for (uint32_t i = 0; i < 10'000; i += 64) values.at(i) = 1;
  EXPECT_EQ(first, &values[3]);
  EXPECT_EQ(values.page(0) + 3, first);
}

TEST(PagedTest, AllThatHaveAPageAreVisitedInOrder) {
  Paged<int> values;
  values.at(200) = 2;
  values.at(5) = 1;
  std::vector<uint32_t> numbers, set;
  values.for_each([&](uint32_t i, int value) {
    numbers.push_back(i);
    if (value != 0) set.push_back(i);
  });
  EXPECT_EQ(numbers.size(), 2 * Paged<int>::kPage);
  EXPECT_EQ(numbers.front(), 0u);
  EXPECT_EQ(numbers.back(), 255u);
  EXPECT_EQ(set, (std::vector<uint32_t>{5, 200}));
}

}  // namespace
}  // namespace smt::relay
