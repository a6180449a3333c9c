// Signals as functions of time.
#include "cmd/wave/signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "cmd/text/beat.h"

namespace smt::cmd {
namespace {

Signal of(const char* shape) {
  Signal signal;
  signal.shape = *shape_named(shape);
  return signal;
}

std::vector<double> at(const Signal& signal, std::vector<double> times) {
  for (double& t : times) t = value_at(signal, t);
  return times;
}

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

const std::vector<double> kEighths = {0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1000.25};

TEST(Signal, HasTheShapeOfItsName) {
  const double half = std::sqrt(0.5);
  EXPECT_THAT(at(of("sine"), kEighths),
              Pointwise(DoubleNear(1e-9), {0.0, half, 1.0, half, 0.0, -half, -1.0, -half, 0.0, 1.0}));
  EXPECT_THAT(at(of("square"), kEighths), ElementsAre(1, 1, 1, 1, -1, -1, -1, -1, 1, 1));
  EXPECT_THAT(at(of("ramp"), kEighths), ElementsAre(-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, -1, -0.5));
  EXPECT_THAT(at(of("triangle"), kEighths), ElementsAre(0, 0.5, 1, 0.5, 0, -0.5, -1, -0.5, 0, 1));
  EXPECT_THAT(at(of("constant"), kEighths), Each(0));
  EXPECT_FALSE(shape_named("sinus").ok());
}

TEST(Signal, HasAmplitudeOffsetFrequencyAndPhase) {
  Signal signal = of("triangle");
  signal.amplitude = 3;
  signal.offset = 10;
  signal.frequency_hz = 0.5;
  signal.phase_turns = 0.25;
  EXPECT_THAT(at(signal, {0, 0.5, 1, 1.5, 2}), ElementsAre(13, 10, 7, 10, 13));
  signal.phase_turns = -0.25;
  EXPECT_EQ(value_at(signal, 0), 7);
}

TEST(Signal, KeepsItsPhaseForAYear) {
  Signal signal = of("sine");
  signal.frequency_hz = 50;
  EXPECT_NEAR(value_at(signal, 365.0 * 86400 + 0.005), 1, 1e-4);
}

TEST(Signal, ChirpsFromOneFrequencyToAnotherAndBeginsAnew) {
  Signal signal = of("chirp");
  signal.frequency_hz = 2;
  signal.end_frequency_hz = 10;
  signal.sweep_s = 4;
  // The frequency is the slope of the phase: counted over a tenth of a second at the beginning, middle and
  // end.
  const auto rising = [&](double from, double to) {
    int zeros = 0;
    for (double t = from; t < to; t += 1e-4) {
      if (value_at(signal, t) < 0 && value_at(signal, t + 1e-4) >= 0) ++zeros;
    }
    return zeros;
  };
  EXPECT_EQ(rising(0.01, 1.01), 3) << "2 to 4 Hz";
  EXPECT_EQ(rising(2.99, 3.99), 9) << "8 to 10 Hz";
  EXPECT_DOUBLE_EQ(value_at(signal, 4.3), value_at(signal, 0.3 + 4 - 4.0)) << "anew after 4 s";
}

TEST(Signal, NoiseIsOfTheSeedTheTimeAndTheChannelAlone) {
  Signal signal = of("noise"), other = signal;
  other.seed = 1;
  double sum = 0, squares = 0, product = 0, min = 1, max = -1;
  constexpr int kSamples = 100'000;
  for (int i = 0; i < kSamples; ++i) {
    const double t = i / 1000.0, value = value_at(signal, t);
    EXPECT_EQ(value, value_at(signal, t));
    EXPECT_NE(value, value_at(other, t));
    EXPECT_NE(value, value_at(signal, t, 1));
    sum += value;
    squares += value * value;
    product += value * value_at(signal, t, 1);
    min = std::min(min, value);
    max = std::max(max, value);
  }
  EXPECT_NEAR(sum / kSamples, 0, 0.01);
  EXPECT_NEAR(squares / kSamples, 1.0 / 3, 0.01) << "each value as likely";
  EXPECT_NEAR(product / kSamples, 0, 0.01) << "channels have nothing to do with each other";
  EXPECT_GE(min, -1);
  EXPECT_LT(max, 1);
  EXPECT_GT(max - min, 1.99);
}

TEST(Signal, ShiftsEachElementOfAnArray) {
  const Schema schema = *Schema::parse("f32[4]");
  std::vector<std::byte> bytes(schema.size);
  fill_value(of("triangle"), 0, 0, schema, bytes);
  float value[4];
  memcpy(value, bytes.data(), sizeof value);
  EXPECT_THAT(value, ElementsAre(0, 1, 0, -1));
  const Schema integers = *Schema::parse("u8[2]");
  Signal large = of("square");
  large.amplitude = 1000;
  fill_value(large, 0, 0, integers, std::span(bytes).first(2));
  EXPECT_EQ(bytes[0], std::byte{255}) << "kept in the range of the type";
  EXPECT_EQ(bytes[1], std::byte{0});
  EXPECT_FALSE(check_signal_schema(*Schema::parse("bool")).ok());
  EXPECT_FALSE(check_signal_schema(Schema::string()).ok());
}

TEST(Beat, LeavesOutWhatWasDueMeanwhileAndKeepsThePhase) {
  const Beat beat(100, 1'000);
  EXPECT_EQ(beat.due_ns(0), 1'000);
  EXPECT_EQ(beat.due_ns(3), 30'001'000);
  EXPECT_EQ(beat.after(0, 1'000), 1u);
  EXPECT_EQ(beat.after(0, 9'000'000), 1u);
  EXPECT_EQ(beat.after(0, 19'000'000), 1u) << "late by less than a period";
  EXPECT_EQ(beat.after(0, 57'000'000), 5u) << "the last one that has come";
  EXPECT_EQ(beat.after(7, 57'000'000), 8u) << "never the same twice";
  const Beat thirds(3, 0);
  EXPECT_EQ(thirds.due_ns(3'000'000), 1'000'000'000'000'000) << "nothing adds up";
}

}  // namespace
}  // namespace smt::cmd
