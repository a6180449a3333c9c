// A set of small numbers, against a std::set.
#include "relay/store/bits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace smt::relay {
namespace {

std::vector<uint32_t> numbers(const Bits& bits) {
  std::vector<uint32_t> out;
  bits.for_each([&](uint32_t i) { out.push_back(i); });
  return out;
}

TEST(Bits, HoldsWhatASetHolds) {
  std::mt19937 random(1);
  Bits bits, other;
  std::set<uint32_t> set, others;
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t n = random() % 300, m = random() % 500;
    if (random() % 2 == 0) bits.set(n), set.insert(n);
    if (random() % 2 == 0) bits.clear(m), set.erase(m);
    if (random() % 2 == 0) other.set(m), others.insert(m);
    if (random() % 2 == 0) other.clear(n), others.erase(n);
    if (i % 500 == 0) {
      Bits common;
      common.add_common(bits, other);
      std::set<uint32_t> both, beside;
      for (const uint32_t x : set) (others.count(x) != 0 ? both : beside).insert(x);
      ASSERT_THAT(numbers(common), testing::ElementsAreArray(both));
      ASSERT_EQ(common.count(), both.size());
      std::vector<uint32_t> walked;
      bits.for_each_common(other, [&](uint32_t x) { walked.push_back(x); });
      ASSERT_THAT(walked, testing::ElementsAreArray(both));
      walked.clear();
      bits.for_each_beside(other, [&](uint32_t x) { walked.push_back(x); });
      ASSERT_THAT(walked, testing::ElementsAreArray(beside));
    }
    if (i % 5000 == 4000) bits.add(other), set.insert(others.begin(), others.end());
    if (i % 5000 == 4999) {
      bits.remove(other);
      for (const uint32_t x : others) set.erase(x);
    }
    ASSERT_EQ(bits.count(), set.size());
    ASSERT_EQ(bits.test(n), set.count(n) != 0);
  }
  ASSERT_THAT(numbers(bits), testing::ElementsAreArray(set));
  bits.clear();
  EXPECT_FALSE(bits.any());
  EXPECT_TRUE(numbers(bits).empty());
}

TEST(Bits, WordsBeginAtAnyNumber) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    Bits bits;
    std::set<uint32_t> set;
    for (uint32_t n = 0; n < 300; ++n) {
      if (random() % 4 == 0) bits.set(n), set.insert(n);
    }
    const auto first = static_cast<uint32_t>(random() % 400);
    const uint64_t word = bits.word_from(first), added = random() & random();
    bits.add_from(first, added);
    for (uint32_t bit = 0; bit < 64; ++bit) {
      ASSERT_EQ(word >> bit & 1, set.count(first + bit)) << first << " and " << bit;
      if ((added >> bit & 1) != 0) set.insert(first + bit);
    }
    ASSERT_THAT(numbers(bits), testing::ElementsAreArray(set)) << first;
    ASSERT_EQ(bits.count(), set.size());
  }
}

TEST(Bits, AWalkBeginsWhereTheLastOneStoppedAndComesAround) {
  Bits bits;
  for (const uint32_t i : {3u, 60u, 64u, 130u}) bits.set(i);
  std::vector<uint32_t> seen;
  const auto stop_at = [&](uint32_t last) {
    seen.clear();
    bits.walk([&](uint32_t i) {
      if (i == last) return false;
      seen.push_back(i);
      return true;
    });
    return seen;
  };
  EXPECT_THAT(stop_at(64), testing::ElementsAre(3, 60));
  EXPECT_THAT(stop_at(60), testing::ElementsAre(64, 130, 3));
  EXPECT_THAT(stop_at(~0u), testing::ElementsAre(60, 64, 130, 3));
  EXPECT_THAT(stop_at(~0u), testing::ElementsAre(3, 60, 64, 130));
}

}  // namespace
}  // namespace smt::relay
