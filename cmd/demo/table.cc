#include "cmd/demo/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cmd/cli/output.h"

namespace smt::demo {

Table::Style Table::StyleOfStdout() { return cmd::ColourOn(STDOUT_FILENO) ? Style::kLive : Style::kPlain; }

void Table::Clear() {
  if (lines_ != 0) fmt::print("\x1b[{}A\x1b[J", lines_);
  lines_ = 0;
}

void Table::Print(const std::vector<Row>& rows) {
  fmt::print("{:<22} {:>8} {:>12} {:>12} {:>8}  {}\n", "TOPIC", "HZ", "AGE p50 us", "AGE p99 us", "MISSED",
             "STATE");
  for (const Row& r : rows) {
    fmt::print("{:<22} {:>8.1f} {:>12.1f} {:>12.1f} {:>8}  {}\n", r.topic, r.hz, r.age_p50_ns * 1e-3,
               r.age_p99_ns * 1e-3, r.missed, cmd::StateText(r.state, style_ == Style::kLive));
  }
  fflush(stdout);
}

void Table::show(const std::vector<Row>& rows) {
  if (style_ != Style::kLive) return;
  Clear();
  Print(rows);
  lines_ = rows.size() + 1;
}

void Table::event(const std::string& line, const std::vector<Row>& rows) {
  say(line);
  if (style_ == Style::kPlain) {
    Print(rows);
    fmt::print("\n");
  }
  show(rows);
}

void Table::say(const std::string& line) {
  if (style_ == Style::kSilent) return;
  Clear();
  fmt::print("{}\n", line);
  fflush(stdout);
}

}  // namespace smt::demo
