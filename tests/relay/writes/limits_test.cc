// Bounds of numbers.
#include "relay/writes/limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shm/fields.h"

namespace smt::relay {
namespace {

struct Twist {
  double linear[3];
  float yaw;
  bool on;
  char name[4];
};
SMT_FIELDS(Twist, linear, yaw, on, name)

template <class T>
std::string of(Type type, T value, std::vector<Limit> min, std::vector<Limit> max) {
  return outside_limits(Schema::scalar(type), std::as_bytes(std::span(&value, 1)), min, max);
}
std::string of(const Twist& value, std::vector<Limit> min, std::vector<Limit> max) {
  return outside_limits(schema_of<Twist>(), std::as_bytes(std::span(&value, 1)), min, max);
}

TEST(Limits, TheBoundsThemselvesAreInside) {
  for (const double inside : {-1.0, 0.0, 2.5}) EXPECT_EQ(of(Type::kF64, inside, {{"", -1}}, {{"", 2.5}}), "");
  EXPECT_EQ(of(Type::kF64, 2.6, {{"", -1}}, {{"", 2.5}}), "value is 2.6, and max is 2.5");
  EXPECT_EQ(of(Type::kI8, int8_t{-2}, {{"", -1}}, {}), "value is -2, and min is -1");
  EXPECT_EQ(of(Type::kU8, uint8_t{255}, {}, {{"", 255}}), "");
  EXPECT_EQ(of(Type::kF32, 0.1f, {{"", 0}}, {{"", 1}}), "");
}

TEST(Limits, NaNIsOutsideOfEveryBound) {
  const double nan = std::nan("");
  EXPECT_NE(of(Type::kF64, nan, {{"", -INFINITY}}, {}), "");
  EXPECT_NE(of(Type::kF64, nan, {}, {{"", INFINITY}}), "");
  EXPECT_NE(of(Type::kF32, std::nanf(""), {{"", 0}}, {}), "");
  EXPECT_EQ(of(Type::kF64, nan, {}, {}), "") << "where there is no bound everything passes";
}

TEST(Limits, IntegersOf64BitsAreComparedExactly) {
  constexpr double k63 = 9223372036854775808.0;
  EXPECT_EQ(of(Type::kI64, std::numeric_limits<int64_t>::max(), {{"", k63}}, {}),
            "value is 9.223372036854776e+18, and min is 9.223372036854776e+18");
  EXPECT_EQ(of(Type::kU64, uint64_t{1} << 63, {{"", k63}}, {{"", k63}}), "");
  EXPECT_NE(of(Type::kU64, (uint64_t{1} << 63) + 1, {}, {{"", k63}}), "");
}

TEST(Limits, OfAStructEachNumberOrTheOneThatIsNamed) {
  Twist t{{0, 0, 0}, 0, true, "abc"};
  EXPECT_EQ(of(t, {{"", -1}}, {{"", 1}}), "") << "text and true have no bounds";
  t.linear[2] = 3;
  EXPECT_EQ(of(t, {}, {{"", 1}}), "linear[2] is 3, and max is 1");
  EXPECT_EQ(of(t, {}, {{"yaw", 1}}), "");
  EXPECT_EQ(of(t, {}, {{"yaw", 1}, {"linear", 2}}), "linear[2] is 3, and max is 2");
  t.yaw = -2;
  EXPECT_EQ(of(t, {{"yaw", -1}}, {}), "yaw is -2, and min is -1");
}

TEST(Limits, ABoundThatBoundsNothingLetsNothingPass) {
  const Twist t{};
  EXPECT_EQ(of(t, {}, {{"jaw", 1}}), "the rule has a max for jaw, which is no number of type Twist");
  EXPECT_EQ(of(t, {{"on", 1}}, {}), "the rule has a min for on, which is no number of type Twist");
  EXPECT_EQ(outside_limits(Schema::bytes(), {}, {}, {{"", 1}}),
            "the rule has a max, and type bytes has no numbers");
}

}  // namespace
}  // namespace smt::relay
