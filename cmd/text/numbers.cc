#include "cmd/text/numbers.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <string>

namespace smt::cmd {
namespace {

// Bytes of "M", "MB" or "MiB", in any case; of "" and "B" it is one.
std::optional<double> bytes_of_unit(std::string_view text, const SizeKind& kind) {
  std::string unit(text);
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  if (kind.step == 1024 && unit.size() == 3 && unit.ends_with("ib")) {
    unit.resize(1);
  } else if (unit.ends_with('b')) {
    unit.pop_back();
  }
  if (unit.empty()) return 1;
  const size_t at = std::string_view("kmgt").find(unit);
  if (unit.size() != 1 || at == std::string_view::npos) return std::nullopt;
  return std::pow(kind.step, static_cast<double>(at + 1));
}

}  // namespace

Status check_size(double bytes, const SizeKind& kind) {
  const auto min = static_cast<double>(kind.min), max = static_cast<double>(kind.max);
  if (bytes >= min && bytes <= max) return Status();
  return out_of_range(bytes, kind.min, kind.max, "a number of bytes");
}

Result<uint64_t> parse_size(std::string_view text, const SizeKind& kind) {
  const size_t digits = text.find_last_of("0123456789.") + 1;  // 0: there is none
  const std::optional<double> unit = bytes_of_unit(text.substr(digits), kind);
  double number = 0;
  if (digits == 0 || !unit || !parse_number(text.substr(0, digits), &number)) {
    return {Code::kInvalid, fmt::format("\"{}\" is no number of bytes; write {}", text, kind.example)};
  }
  const double bytes = std::round(number * *unit);
  if (Status s = check_size(bytes, kind); !s.ok()) return s;
  return static_cast<uint64_t>(bytes);
}

}  // namespace smt::cmd
