#include "cmd/demo/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cmd/cli/output.h"
#include "shm/printable.h"

namespace smt::demo {

Table::Style Table::style_of_stdout() { return cmd::colour_on(STDOUT_FILENO) ? Style::kLive : Style::kPlain; }

void Table::clear() {
  if (lines_ != 0) cmd::print_text(fmt::format("\x1b[{}A\x1b[J", lines_));
  lines_ = 0;
}

void Table::print_text(const std::vector<Row>& rows) {
  std::string text = fmt::format("{:<22} {:>8} {:>12} {:>12} {:>8}  {}\n", "TOPIC", "HZ", "AGE p50 us",
                                 "AGE p99 us", "MISSED", "STATE");
  for (const Row& r : rows) {
    text += fmt::format("{:<22} {:>8.1f} {:>12.1f} {:>12.1f} {:>8}  {}\n", printable(r.topic), r.hz,
                        r.age_p50_ns * 1e-3, r.age_p99_ns * 1e-3, r.missed,
                        cmd::state_text(r.state, style_ == Style::kLive));
  }
  cmd::print_text(text);
}

void Table::show(const std::vector<Row>& rows) {
  if (style_ != Style::kLive) return;
  clear();
  print_text(rows);
  lines_ = rows.size() + 1;
}

void Table::event(const std::string& line, const std::vector<Row>& rows) {
  say(line);
  if (style_ == Style::kPlain) {
    print_text(rows);
    cmd::print_text("\n");
  }
  show(rows);
}

void Table::say(const std::string& line) {
  if (style_ == Style::kSilent) return;
  clear();
  cmd::print_text(line + "\n");
}

}  // namespace smt::demo
