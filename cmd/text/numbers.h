// Numbers and sizes as flags, the environment and files give them: each is read whole and has bounds. What is
// not finite lies within none.
#ifndef SMT_CMD_TEXT_NUMBERS_H_
#define SMT_CMD_TEXT_NUMBERS_H_

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "shm/layout.h"
#include "shm/status.h"

namespace smt::cmd {

// What std::from_chars says of a text that is one number and nothing else; of any other text
// invalid_argument. A '+' may lead the number. result_out_of_range leaves `out` as it is.
template <class Number>
std::errc scan_number(std::string_view text, Number* out) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return end == text.data() + text.size() ? error : std::errc::invalid_argument;
}

// False: the text is not one number and nothing else, or one that `out` cannot hold.
template <class Number>
bool parse_number(std::string_view text, Number* out) {
  return scan_number(text, out) == std::errc();
}

// Says that `shown`, a number or its text, is not from `min` to `max`. `what`: "a rate in Hz".
template <class Shown, class Number>
Status out_of_range(const Shown& shown, Number min, Number max, std::string_view what) {
  return Status(Code::kInvalid, fmt::format("{} is out of range: {}{}from {} to {}", shown, what,
                                            what.empty() ? "" : " ", min, max));
}

// kInvalid: the number is not from `min` to `max`. No bounds hold nan.
template <class Number>
Status check_range(Number number, Number min, Number max, std::string_view what = {}) {
  return number >= min && number <= max ? Status() : out_of_range(number, min, max, what);
}

// kInvalid: the text is no such number, or one that is not from `min` to `max`.
template <class Number>
Result<Number> parse_in_range(std::string_view text, Number min, Number max, std::string_view what = {}) {
  constexpr bool kWhole = std::is_integral_v<Number>;
  Number number{};
  if (parse_number(text, &number)) {
    Status s = check_range(number, min, max, what);
    return s.ok() ? Result<Number>(number) : Result<Number>(std::move(s));
  }
  // -1 where there are no negative numbers, and what has too many digits, is a number all the same.
  double any = 0;
  const bool digits = text.find_first_not_of("+-0123456789") == text.npos;
  if (kWhole && digits && parse_number(text, &any)) return out_of_range(text, min, max, what);
  return {Code::kInvalid, fmt::format("\"{}\" is no {}", text, kWhole ? "integer" : "number")};
}

// Sizes of one kind: how they are written, and their bounds.
struct SizeKind {
  double step;             // of K to M to G to T
  std::string_view units;  // the letters as they are printed
  std::string_view example;
  uint64_t min, max;
};
inline constexpr SizeKind kSegmentSize = {1024, "KMGT", "64M", layout::kMinSegmentBytes,
                                          layout::kMaxSegmentBytes};

// "65536" "64M" "1.5g" "64MiB": bytes. kInvalid: the text is nothing of this, or out of range.
Result<uint64_t> parse_size(std::string_view text, const SizeKind& kind);
Status check_size(double bytes, const SizeKind& kind);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_NUMBERS_H_
