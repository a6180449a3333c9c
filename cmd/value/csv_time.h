// Times as CSV files have them: numbers that count a unit, and texts of ISO 8601.
#ifndef SMT_CMD_VALUE_CSV_TIME_H_
#define SMT_CMD_VALUE_CSV_TIME_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "cmd/text/words.h"

namespace smt::cmd {

// The units that a number may count, in nanoseconds.
inline constexpr NamedValue<int64_t> kTimeUnits[] = {{"ns", 1},
                                                     {"us", 1'000},
                                                     {"ms", 1'000'000},
                                                     {"s", 1'000'000'000},
                                                     {"min", 60'000'000'000},
                                                     {"h", 3'600'000'000'000},
                                                     {"d", 86'400'000'000'000}};

// The unit that a header means by "ns", "nsec", "Nanoseconds" and so on, in nanoseconds. Nothing: by another
// word.
std::optional<int64_t> time_unit_from(std::string_view word);

// A decimal number of units, in nanoseconds, to the nearest. Its digits count, not the double next to it:
// 1305031098.6659 s is 1305031098665900000 ns. `point` is its decimal sign. Nothing: it is no such number, or
// beyond 64 bits.
std::optional<int64_t> decimal_time_ns(std::string_view number, int64_t unit_ns, char point = '.');

// "2024-01-31T12:00:00.25Z" in nanoseconds since 1970. The 'T' may be a blank, seconds or their fraction may
// be missing, and the zone is Z, +01:00, +0100, +01, or none, which means UTC. Nothing: it is no such time,
// or beyond 64 bits.
std::optional<int64_t> iso_time_ns(std::string_view text);

// The unit of a number that counts time, as its magnitude tells. `step` is how much it grows from row to row
// (0: not known). A value that is a time since 1970 between 1998 and 2099 in some unit counts that unit.
// Otherwise the unit is the one in which the step lies between 2 ms and 2 s.
int64_t guess_time_unit(double value, double step);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_CSV_TIME_H_
