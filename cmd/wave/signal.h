// Signals to try things with. Each value is a pure function of the time: nothing adds up, and nothing drifts.
#ifndef SMT_CMD_WAVE_SIGNAL_H_
#define SMT_CMD_WAVE_SIGNAL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// Between -1 and 1; where a period begins:
enum class Shape {
  kSine,      // at 0, rising
  kSquare,    // 1 for half a period, then -1
  kRamp,      // -1, rising to 1
  kTriangle,  // at 0, rising
  kNoise,     // any value, as likely as any other, at each time
  kChirp,     // a sine from one frequency to another
  kConstant,  // 0
};

struct Signal {
  Shape shape = Shape::kSine;
  double amplitude = 1, offset = 0;
  double frequency_hz = 1;
  double phase_turns = 0;        // of a period, added
  double end_frequency_hz = 10;  // kChirp: that it rises or falls to,
  double sweep_s = 10;           // in this time, and then begins anew
  uint64_t seed = 0;             // kNoise
};

// "sine" "square" "ramp" "triangle" "noise" "chirp" "constant"; kInvalid: another word.
Result<Shape> shape_named(std::string_view name);

// offset + amplitude * shape. `channel`: of several, each has a noise of its own.
double value_at(const Signal& signal, double seconds, uint64_t channel = 0);

// The value of a topic with one field of numbers. Element i of n is i / n of a period ahead, and is channel
// `first_channel` + i. Integers are rounded to the nearest, and all are kept in the range of their type.
// REQUIRES: check_signal_schema(schema) is OK, value.size() == schema.size
void fill_value(const Signal& signal, double seconds, uint64_t first_channel, const Schema& schema,
                std::span<std::byte> value);

// kInvalid: not one field of numbers.
Status check_signal_schema(const Schema& schema);

}  // namespace smt::cmd

#endif  // SMT_CMD_WAVE_SIGNAL_H_
