#include "cmd/relays/impair.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "cmd/text/numbers.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr int64_t kMaxDelayNs = 60'000'000'000;
constexpr double kMinBits = 1e3, kMaxBits = 1e12;

// A number that is not negative, and `unit` after it; nothing if it is anything else.
std::optional<double> number_with(std::string_view unit, std::string_view text) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  const Result<double> number = parse_in_range(text, 0.0, std::numeric_limits<double>::max());
  return number.ok() ? std::optional(*number) : std::nullopt;
}

std::optional<int64_t> parse_time(std::string_view text) {
  const Result<int64_t> ns = parse_duration(text);
  return ns.ok() && *ns <= kMaxDelayNs ? std::optional(*ns) : std::nullopt;
}

std::optional<double> parse_bits(std::string_view text) {
  for (const auto& [unit, bits] : {std::pair("gbit", 1e9), std::pair("mbit", 1e6), std::pair("kbit", 1e3)}) {
    if (const std::optional<double> n = number_with(unit, text)) {
      return *n * bits >= kMinBits && *n * bits <= kMaxBits ? std::optional(*n * bits) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<relay::Impairment> parse_impairment(std::string_view text) {
  relay::Impairment impairment;
  std::set<std::string_view> seen;
  for (std::string_view rest = text; !rest.empty() || seen.empty();) {
    const size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    const auto bad = [&](std::string_view why) {
      return Status(Code::kInvalid, fmt::format("--impair: \"{}\": {}", part, why));
    };
    if (comma != std::string_view::npos && comma + 1 == rest.size())
      return bad("something follows the comma");
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    if (!seen.insert(key).second) return bad("it is given twice");
    if (key == "delay" || key == "jitter") {
      const std::optional<int64_t> ns = parse_time(value);
      if (!ns) return bad("write a time of 60s at most, as delay=80ms");
      (key == "delay" ? impairment.delay_ns : impairment.jitter_ns) = *ns;
    } else if (key == "loss") {
      const std::optional<double> percent = number_with("%", value);
      if (!percent || *percent > 99) return bad("write 0% to 99%, as loss=2%");
      impairment.loss = *percent / 100;
    } else if (key == "rate") {
      const std::optional<double> bits = parse_bits(value);
      if (!bits) return bad("write 1kbit to 1000gbit (bits per second), as rate=2mbit or rate=500kbit");
      impairment.bits_per_s = static_cast<uint64_t>(std::llround(*bits));
    } else if (key == "seed") {
      if (!parse_number(value, &impairment.seed)) return bad("write a whole number, as seed=7");
    } else {
      return bad("write delay=, jitter=, loss=, rate= or seed=, with commas between them");
    }
  }
  if (impairment.jitter_ns > impairment.delay_ns) {
    return Status(Code::kInvalid,
                  "--impair: jitter is greater than delay, and nothing comes before it is sent");
  }
  return impairment;
}

std::string impairment_text(const relay::Impairment& i) {
  std::string out = "delay " + duration_text(i.delay_ns);
  if (i.jitter_ns != 0) out += " +- " + duration_text(i.jitter_ns);
  if (i.loss > 0) out += fmt::format(", loss {:.3g} %", i.loss * 100);
  if (i.bits_per_s != 0) out += fmt::format(", {:.4g} Mbit/s", static_cast<double>(i.bits_per_s) / 1e6);
  return out;
}

}  // namespace smt::cmd
