#include "cmd/text/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>

#include "cmd/text/columns.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

struct Unit {
  std::string_view name;
  double ns;
};
constexpr Unit kUnits[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6}, {"s", 1e9},
                           {"m", 60e9}, {"h", 3600e9}, {"", 1e9}};

// The form in which a shell takes any byte: $'a\033b'.
std::string octal_word(std::string_view text) {
  std::string out = "$'";
  for (const char c : text) {
    const bool plain = c >= ' ' && c < 0x7f && c != '\'' && c != '\\';
    out += plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return out + "'";
}

}  // namespace

Result<int64_t> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit_name = text.substr(end - text.data());
  const Unit* unit =
      std::find_if(std::begin(kUnits), std::end(kUnits), [&](auto& u) { return u.name == unit_name; });
  const double ns = unit == std::end(kUnits) ? NAN : std::round(number * unit->ns);
  if (error != std::errc() || !(ns >= 0 && ns < 9.2e18)) {
    return {Code::kInvalid, fmt::format("\"{}\" is no duration; write 250ms, 1.5s, 2m or 1h", text)};
  }
  return static_cast<int64_t>(ns);
}

std::string duration_text(int64_t ns) {
  const double n = static_cast<double>(ns), size = std::abs(n);
  if (size < 1e3) return fmt::format("{} ns", ns);
  if (size < 1e6) return fmt::format("{:.3g} us", n / 1e3);
  if (size < 1e9) return fmt::format("{:.3g} ms", n / 1e6);
  if (size < 120e9) return fmt::format("{:.3g} s", n / 1e9);
  if (size < 7200e9) return fmt::format("{:.0f} min", n / 60e9);
  if (size < 48 * 3600e9) return fmt::format("{:.0f} h", n / 3600e9);
  return fmt::format("{:.0f} d", n / 86400e9);
}

std::string age_text(std::optional<int64_t> age_ns) { return age_ns ? duration_text(*age_ns) : "?"; }

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}", bytes);
  double n = static_cast<double>(bytes);
  const char* const names[] = {"KiB", "MiB", "GiB", "TiB"};
  size_t i = 0;
  for (n /= 1024; n >= 1024 && i + 1 < std::size(names); ++i) n /= 1024;
  return fmt::format("{:.4g} {}", n, names[i]);
}

std::string time_text(int64_t realtime_ns) {
  int64_t seconds = realtime_ns / 1'000'000'000, ns = realtime_ns % 1'000'000'000;
  if (ns < 0) --seconds, ns += 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(static_cast<time_t>(seconds)), ns);
}

bool same_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y; });
}

bool has_extension(std::string_view file, std::string_view lower) {
  if (file.size() <= lower.size()) return false;
  const size_t stem = file.size() - lower.size();
  return file[stem - 1] != '/' && same_ignoring_case(file.substr(stem), lower);
}

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("/._-+:@%=,").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  if (printable(text) != text) return octal_word(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string format_table(std::vector<std::vector<std::string>> rows, const std::vector<size_t>& right) {
  std::vector<size_t> widths;
  for (auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], text_width(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - text_width(row[i]), ' ');
      const bool flush = std::find(right.begin(), right.end(), i) != right.end();
      if (flush) out += pad;
      out += row[i];
      if (i + 1 < row.size()) out += (flush ? "" : pad) + "  ";
    }
    out += '\n';
  }
  return out;
}

std::string csv_cell(std::string_view text) {
  const bool blank_ends =
      !text.empty() && (strchr(" \t", text.front()) != nullptr || strchr(" \t", text.back()) != nullptr);
  if (!blank_ends && text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) out += (&cell == cells.data() ? "" : ",") + csv_cell(cell);
  return out + '\n';
}

}  // namespace smt::cmd
