#include "cmd/topic/measure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/monitor/follow.h"
#include "cmd/text/loss_watch.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr int64_t kLookNs = 10'000'000;
constexpr int64_t kIntervalNs = 1'000'000'000;

struct RateOptions {
  std::vector<std::string> patterns;
  uint64_t count = 0;  // intervals; 0: no limit
  std::optional<int64_t> duration_ns;
};

// One interval. Where stdout takes escape sequences a table that overwrites the one before; else a line for
// each topic.
class RatePrinter {
 public:
  RatePrinter(const MeasureView& view, Format format) : view_(view), format_(format) {}

  void print(const std::map<std::string, Rate>& rates, double seconds) {
    ++printed_;
    if (format_ == Format::kTable) {
      if (terminal_) print_text("\x1b[H\x1b[2J");
      print_table(rates, seconds, terminal_ || printed_ == 1);
      return;
    }
    std::vector<Json> objects;
    for (const auto& [topic, rate] : rates) objects.push_back(view_.object(topic, rate, seconds));
    print_objects(objects, format_, !std::exchange(headed_, headed_ || !objects.empty()));
  }

  // For people: the figures of the whole time.
  void summary(const std::map<std::string, Rate>& rates, double seconds) {
    if (format_ != Format::kTable || rates.empty()) return;
    print_text(fmt::format("\nin all, {:.1f} s:\n", seconds));
    print_table(rates, seconds, true);
  }

 private:
  void print_table(const std::map<std::string, Rate>& rates, double seconds, bool header) {
    std::vector<std::vector<std::string>> rows;
    if (header) rows.push_back(view_.header);
    for (const auto& [topic, rate] : rates) rows.push_back(view_.row(topic, rate, seconds));
    std::vector<size_t> right;
    for (size_t i = 1; i < view_.header.size(); ++i) right.push_back(i);
    print_text(format_table(rows, right));
  }

  const MeasureView& view_;
  Format format_;
  bool terminal_ = takes_escapes(STDOUT_FILENO);
  bool headed_ = false;
  uint64_t printed_ = 0;
};

int run_measure(const ToolOptions& tool, const MeasureView& view, const RateOptions& options) {
  require_output();
  Result<relay::PatternSet> patterns = relay::PatternSet::parse(options.patterns);
  if (!patterns.ok()) return fail(patterns.status());
  const Stop stop(StopOn::kSignalOrOutputGone);
  const int64_t end = deadline_after(options.duration_ns);
  Result<Domain> domain = wait_for_domain(tool.domain, stop.fd(), end, tool_log());
  if (!domain.ok()) return domain.status().code() == Code::kNotFound ? kExitOk : fail(domain.status());
  Result<Waiter> waiter = Waiter::open(*domain);
  if (!waiter.ok()) return fail(waiter.status());

  RateMeter meter(std::move(*patterns));
  RatePrinter printer(view, tool.format);
  Sleeper sleeper(tool_log());
  LossWatch losses(*domain, tool_log());
  meter.look(waiter->nodes());
  const int64_t start = boottime_ns();
  int64_t interval = start;
  for (uint64_t n = 1; n <= options.count || options.count == 0;) {
    const int64_t due = std::min(start + static_cast<int64_t>(n) * kIntervalNs, end);
    const bool stopped = stop.sleep_until(std::min(due, boottime_ns() + kLookNs));
    waiter->collect();  // without arm(): no writer is asked to ring
    sleeper.warn(waiter->problems());
    meter.look(waiter->nodes());
    if (stopped) break;
    const int64_t now = boottime_ns();
    losses.look(now);
    if (now < due) continue;
    printer.print(meter.take(), static_cast<double>(now - interval) / 1e9);
    interval = now;
    if (now >= end) break;
    n = static_cast<uint64_t>((now - start) / kIntervalNs) + 1;
  }
  printer.summary(meter.total(), static_cast<double>(boottime_ns() - start) / 1e9);
  return kExitOk;
}

}  // namespace

void add_measure(const ToolOptions& tool, Run* run, const MeasureView& view, CLI::App* verb) {
  auto options = std::make_shared<RateOptions>();
  verb->add_option("PATTERN", options->patterns, "Topics, those that appear later too")->required();
  add_count(*verb, &options->count, "End after so many seconds' figures");
  add_duration(*verb, "--duration", &options->duration_ns, "End after so long");
  verb->callback(
      [=, &tool, &view] { *run = [=, &tool, &view] { return run_measure(tool, view, *options); }; });
}

}  // namespace smt::cmd
