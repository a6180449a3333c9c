// Ages against the sorted numbers themselves.
#include "cmd/text/ages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace smt::cmd {
namespace {

TEST(Ages, TellsQuantilesToWithinTwoPercentAndTheMaximumExactly) {
  std::mt19937_64 random(1);
  for (const double spread : {3.0, 10.0, 25.0, 43.0}) {
    std::vector<int64_t> numbers;
    Ages ages, half;
    for (int i = 0; i < 10'000; ++i) {
      const double exponent = std::uniform_real_distribution<>(0, spread)(random);
      numbers.push_back(std::llround(std::exp(exponent)));
      (i % 2 == 0 ? ages : half).add(numbers.back());
    }
    ages.add(half);
    std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(ages.count(), numbers.size());
    EXPECT_EQ(ages.max(), numbers.back());
    for (const double q : {0.001, 0.5, 0.9, 0.99, 1.0}) {
      const auto exact = static_cast<double>(numbers[static_cast<size_t>(std::ceil(q * 10'000)) - 1]);
      EXPECT_NEAR(static_cast<double>(ages.quantile(q)), exact, exact * 0.02) << spread << " " << q;
    }
  }
}

TEST(Ages, TakesAnyNumber) {
  Ages ages;
  EXPECT_EQ(ages.quantile(0.5), 0);
  ages.add(-5);
  EXPECT_EQ(ages.quantile(1), 0);
  ages.add(INT64_MAX);
  EXPECT_GT(ages.quantile(1), INT64_MAX / 64 * 63);
  EXPECT_EQ(ages.max(), INT64_MAX);
}

}  // namespace
}  // namespace smt::cmd
