// smttopic watch: a line for each topic that appears, vanishes or changes its state.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/listing.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/monitor/follow.h"
#include "cmd/monitor/topic_events.h"
#include "cmd/text/loss_watch.h"
#include "cmd/text/text.h"
#include "cmd/topic/topic_verbs.h"
#include "cmd/value/topic_json.h"
#include "shm/clock.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// Deaths are seen by asking, and ages pass without a bell.
constexpr int64_t kEventLookNs = 50'000'000;

struct WatchOptions {
  std::string pattern = "**";
  uint64_t count = 0;  // 0: no limit
  std::optional<int64_t> timeout_ns, duration_ns;
};

class EventPrinter {
 public:
  explicit EventPrinter(Format format) : format_(format), colour_(colour_on(STDOUT_FILENO)) {}

  // False: stdout failed.
  bool print(const TopicEvent& event) {
    ++printed_;
    if (format_ == Format::kTable) return print_text(line_of(event));
    const TopicInfo& t = event.topic;
    const auto& age = t.freshness.age_ns;
    Json json = {{"time_ns", realtime_ns()},
                 {"topic", t.name},
                 {"event", event.what},
                 {"state", state_name(t.freshness.state)},
                 {"type", t.schema.type_name},
                 {"sequence", t.sequence},
                 {"age_ns", age ? Json(*age) : Json(nullptr)}};
    if (format_ == Format::kJson) return print_text((printed_ == 1 ? "[" : ",\n ") + dump(json));
    return print_objects({std::move(json)}, format_, printed_ == 1);
  }
  void finish() {
    if (format_ == Format::kJson) print_text(printed_ == 0 ? "[]\n" : "]\n");
  }
  uint64_t printed() const { return printed_; }

 private:
  std::string line_of(const TopicEvent& event) const {
    const TopicInfo& t = event.topic;
    const std::string_view state = state_name(t.freshness.state);
    std::string out = fmt::format("{}  ", time_text(realtime_ns()));
    const std::string pad(event.what.size() < 11 ? 11 - event.what.size() : 0, ' ');
    out += (event.what == state ? state_text(t.freshness.state, colour_) : event.what) + pad;
    out += fmt::format("  {}  {}", printable(t.name), printable(t.schema.type_name));
    if (event.what == "appears") out += "  " + state_text(t.freshness.state, colour_);
    if (event.what == "stale" && t.freshness.age_ns) out += "  age " + duration_text(*t.freshness.age_ns);
    return out + "\n";
  }

  Format format_;
  bool colour_;
  uint64_t printed_ = 0;
};

int run_watch(const ToolOptions& tool, const WatchOptions& options) {
  require_output();
  Result<TopicFilter> filter = TopicFilter::parse(options.pattern, "", {});
  if (!filter.ok()) return fail(filter.status());
  const Stop stop(StopOn::kSignalOrOutputGone);
  const int64_t end = deadline_after(options.duration_ns);
  int64_t silent_until = deadline_after(options.timeout_ns);
  bool waited;
  Result<Domain> domain =
      wait_for_domain(tool.domain, stop.fd(), std::min(end, silent_until), tool_log(), &waited);
  const auto fail_silent = [&] {
    return fail(kExitTimeout, fmt::format("{}: nothing happened within {}", options.pattern,
                                          duration_text(*options.timeout_ns)));
  };
  if (!domain.ok()) {
    if (domain.status().code() != Code::kNotFound) return fail(domain.status());
    return stop.stopped() || boottime_ns() >= end ? kExitOk : fail_silent();
  }
  TopicEvents events;
  EventPrinter printer(tool.format);
  Sleeper sleeper(tool_log());
  LossWatch losses(*domain, tool_log());
  bool told = waited;  // what is there at the beginning is no event
  for (;;) {
    Result<DomainListing> listing = list_topics(*domain);
    if (!listing.ok()) return fail(listing.status());
    sleeper.warn(listing->problems);
    std::erase_if(listing->topics, [&](const TopicInfo& t) { return !filter->takes(t); });
    const size_t topics = listing->topics.size();
    const uint64_t before = printer.printed();
    bool more = true;
    const std::vector<TopicEvent> news = events.look(std::move(listing->topics));
    if (!std::exchange(told, true)) {
      spdlog::info("watching {} topics", topics);
    } else {
      for (const TopicEvent& event : news) {
        more = printer.print(event) && printer.printed() != options.count;
        if (!more) break;
      }
    }
    const int64_t now = boottime_ns();
    losses.look(now);
    if (printer.printed() != before && options.timeout_ns) silent_until = deadline_after(options.timeout_ns);
    const bool timed_out = more && now >= silent_until;
    if (timed_out) {
      printer.finish();
      return fail_silent();
    }
    if (!more || now >= end) break;
    if (stop.sleep_until(std::min({now + kEventLookNs, end, silent_until}))) break;
  }
  printer.finish();
  return kExitOk;
}

}  // namespace

void add_watch(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto options = std::make_shared<WatchOptions>();
  verb->add_option("PATTERN", options->pattern, "Only topics that it names");
  add_count(*verb, &options->count, "End after so many events");
  add_duration(*verb, "--timeout", &options->timeout_ns, "End with 3 when nothing happened for so long");
  add_duration(*verb, "--duration", &options->duration_ns, "End after so long");
  verb->callback([=, &tool] { *run = [=, &tool] { return run_watch(tool, *options); }; });
}

}  // namespace smt::cmd
