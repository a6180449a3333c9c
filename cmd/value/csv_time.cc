#include "cmd/value/csv_time.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>

#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Words of headers besides those of kTimeUnits.
constexpr NamedValue<int64_t> kOtherWords[] = {
    {"nsec", 1},          {"nsecs", 1},         {"nanosec", 1},          {"nanoseconds", 1},
    {"usec", 1'000},      {"usecs", 1'000},     {"microsec", 1000},      {"microseconds", 1'000},
    {"\xc2\xb5s", 1'000}, {"\xce\xbcs", 1'000},  // both characters that are a micro sign
    {"msec", 1'000'000},  {"msecs", 1'000'000}, {"millisec", 1'000'000}, {"milliseconds", 1'000'000},
    {"sec", kSecond},     {"secs", kSecond},    {"second", kSecond},     {"seconds", kSecond}};

// A decimal number: mantissa times ten to the exponent. Digits behind the 19th are left out.
struct Decimal {
  bool negative = false;
  uint64_t mantissa = 0;
  int64_t exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "e-3" and nothing behind it. Nothing: it is none, or so large that no time has it.
std::optional<int> exponent_of(std::string_view text) {
  text.remove_prefix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return exponent;
}

std::optional<Decimal> decimal_of(std::string_view text, char point) {
  constexpr int kDigits = 19;  // which 64 bits hold
  Decimal out;
  out.negative = text.starts_with('-');
  if (out.negative || text.starts_with('+')) text.remove_prefix(1);
  int digits = 0;
  bool any = false, fraction = false;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text[0] == point && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(text[0])) break;
    any = true;
    if (digits == kDigits) {
      out.exponent += fraction ? 0 : 1;
      continue;
    }
    out.mantissa = 10 * out.mantissa + static_cast<uint64_t>(text[0] - '0');
    out.exponent -= fraction ? 1 : 0;
    digits += out.mantissa != 0 ? 1 : 0;
  }
  if (!any) return std::nullopt;
  if (text.empty()) return out;
  const std::optional<int> exponent =
      text[0] == 'e' || text[0] == 'E' ? exponent_of(text) : std::optional<int>();
  if (!exponent) return std::nullopt;
  out.exponent += *exponent;
  return out;
}

// mantissa times ten to the exponent, to the nearest. Nothing: beyond 64 bits.
std::optional<uint64_t> whole(uint64_t mantissa, int64_t exponent) {
  if (mantissa == 0 || exponent < -19) return 0;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(mantissa, uint64_t{10}, &mantissa)) return std::nullopt;
  }
  uint64_t divisor = 1;
  for (; exponent < 0; ++exponent) divisor *= 10;
  const uint64_t rest = mantissa % divisor;
  return mantissa / divisor + (rest >= divisor - rest ? 1 : 0);
}

// So many digits off the front of `rest`; -1: they are not there.
int take_digits(std::string_view* rest, size_t n) {
  if (rest->size() < n) return -1;
  int value = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!is_digit((*rest)[i])) return -1;
    value = 10 * value + ((*rest)[i] - '0');
  }
  rest->remove_prefix(n);
  return value;
}

// One of `any` off the front of `rest`.
bool take(std::string_view* rest, std::string_view any) {
  if (rest->empty() || any.find((*rest)[0]) == any.npos) return false;
  rest->remove_prefix(1);
  return true;
}

// "12:00", "12:00:00" or "12:00:00.25" off the front of `rest`, nanoseconds of the day.
std::optional<int64_t> take_clock(std::string_view* rest) {
  const int hour = take_digits(rest, 2);
  if (!take(rest, ":")) return std::nullopt;
  const int minute = take_digits(rest, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  int64_t ns = (int64_t{hour} * 3600 + int64_t{minute} * 60) * kSecond;
  if (!take(rest, ":")) return ns;
  const int second = take_digits(rest, 2);
  if (second < 0 || second > 60) return std::nullopt;  // 60 is a leap second
  ns += second * kSecond;
  if (!take(rest, ".,")) return ns;
  int64_t digit = kSecond / 10;
  if (rest->empty() || !is_digit((*rest)[0])) return std::nullopt;
  for (; !rest->empty() && is_digit((*rest)[0]); rest->remove_prefix(1), digit /= 10) {
    ns += digit * ((*rest)[0] - '0');
  }
  return ns;
}

// How far the zone that `rest` consists of is before UTC, in nanoseconds.
std::optional<int64_t> zone_of(std::string_view rest) {
  if (rest.empty() || rest == "Z" || rest == "z" || rest == " UTC") return 0;
  const bool west = rest[0] == '-';
  if (!take(&rest, "+-")) return std::nullopt;
  const int hours = take_digits(&rest, 2);
  take(&rest, ":");
  const int minutes = rest.empty() ? 0 : take_digits(&rest, 2);
  if (hours < 0 || minutes < 0 || minutes > 59 || !rest.empty()) return std::nullopt;
  return (west ? -1 : 1) * (int64_t{hours} * 3600 + int64_t{minutes} * 60) * kSecond;
}

}  // namespace

std::optional<int64_t> time_unit_from(std::string_view word) {
  for (const auto& [name, ns] : kTimeUnits) {
    if (same_ignoring_case(word, name)) return ns;
  }
  for (const auto& [name, ns] : kOtherWords) {
    if (same_ignoring_case(word, name)) return ns;
  }
  return std::nullopt;
}

std::optional<int64_t> decimal_time_ns(std::string_view number, int64_t unit_ns, char point) {
  const std::optional<Decimal> decimal = decimal_of(number, point);
  if (!decimal) return std::nullopt;
  int64_t exponent = decimal->exponent;
  for (; unit_ns % 10 == 0; unit_ns /= 10) ++exponent;
  const uint64_t factor = static_cast<uint64_t>(unit_ns);  // of minutes, hours and days up to 864, else 1
  uint64_t mantissa = 0;
  if (__builtin_mul_overflow(decimal->mantissa, factor, &mantissa)) {  // no room beside 19 digits
    mantissa = decimal->mantissa / 1000 * factor;
    exponent += 3;
  }
  const std::optional<uint64_t> ns = whole(mantissa, exponent);
  if (!ns || *ns > uint64_t{std::numeric_limits<int64_t>::max()}) return std::nullopt;
  return decimal->negative ? -static_cast<int64_t>(*ns) : static_cast<int64_t>(*ns);
}

std::optional<int64_t> iso_time_ns(std::string_view text) {
  const int year = take_digits(&text, 4);
  if (year < 0 || !take(&text, "-")) return std::nullopt;
  const int month = take_digits(&text, 2);
  if (month < 0 || !take(&text, "-")) return std::nullopt;
  const int day = take_digits(&text, 2);
  if (day < 0 || !take(&text, "T ")) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  const std::optional<int64_t> clock = take_clock(&text);
  const std::optional<int64_t> zone = zone_of(text);
  if (!date.ok() || !clock || !zone) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  int64_t ns = 0;
  if (__builtin_mul_overflow(days, int64_t{86400} * kSecond, &ns) ||
      __builtin_add_overflow(ns, *clock, &ns) || __builtin_sub_overflow(ns, *zone, &ns)) {
    return std::nullopt;
  }
  return ns;
}

int64_t guess_time_unit(double value, double step) {
  constexpr int64_t kUnits[] = {kSecond, 1'000'000, 1'000, 1};
  constexpr double kFirst = 9e8 * 1e9, kLast = 4.1e9 * 1e9;  // 1998 and 2099, in nanoseconds
  constexpr double kMaxStep = 600 * 1e9;
  for (const int64_t unit : kUnits) {
    const double scale = static_cast<double>(unit), since_1970 = std::abs(value) * scale;
    if (since_1970 >= kFirst && since_1970 < kLast && step * scale <= kMaxStep) return unit;
  }
  for (const int64_t unit : kUnits) {
    const double scale = static_cast<double>(unit);
    if (step > 0 ? step * scale < 2e9 : std::abs(value) * scale < 1e20) return unit;
  }
  return 1;
}

}  // namespace smt::cmd
