// smtcore: keeps house in a domain. Everything works without it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/service_notifier.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/core/housekeeping.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

struct CoreOptions {
  HousekeepingRules rules;
  bool once = false;
  OnLost on_lost = OnLost::kRemake;
  int64_t interval_ns = 1'000'000'000;
};

const char* life_of(const Member& member) {
  return member.live ? "live" : member.segment->closed() ? "ended" : "dead";
}

// What --once prints.
void print_report(const Housekeeping& housekeeping, Format format) {
  std::vector<Json> objects;
  std::vector<std::vector<std::string>> rows = {
      {"NODE", "STATE", "PID", "TOPICS", "PUBLICATIONS", "BYTES", "ALIVE", ""}};
  const int64_t now = boottime_ns();
  for (const auto& [node, member] : housekeeping.census().members()) {
    const bool removed = housekeeping.removed().contains(node);
    const SegmentView& segment = *member.segment;
    const int64_t silent_ns = member.live ? 0 : std::max<int64_t>(0, now - member.alive_ns);
    objects.push_back({{"node", node},
                       {"state", life_of(member)},
                       {"pid", segment.pid()},
                       {"host", segment.host()},
                       {"mirror", segment.mirror()},
                       {"keep", segment.keep()},
                       {"epoch", member.epoch},
                       {"topics", member.topics.size()},
                       {"publications", member.publications},
                       {"bytes", segment.reserved_bytes()},
                       {"dead_ns", silent_ns},
                       {"removed", removed}});
    rows.push_back({node, life_of(member), fmt::format("{}", segment.pid()),
                    fmt::format("{}", member.topics.size()), fmt::format("{}", member.publications),
                    bytes_text(segment.reserved_bytes()),
                    member.live ? "now" : duration_text(silent_ns) + " ago", removed ? "removed" : ""});
  }
  if (format == Format::kTable) {
    print_text(format_table(rows, {2, 3, 4, 5}));
  } else {
    print_objects(objects, format);
  }
}

std::string status_of(const Housekeeping& housekeeping) {
  const DomainStatistics s = housekeeping.statistics();
  return fmt::format("nodes: {} live, {} dead; topics: {}", s.nodes_live, s.nodes_dead, s.topics);
}

// Readable when a file of the folder came or went. Not ok(): there is no inotify to be had, and each look
// waits for its time.
Fd watch_folder(const std::string& path) {
  Fd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch.ok() &&
      inotify_add_watch(watch.get(), path.c_str(), IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM) < 0) {
    watch = Fd();
  }
  if (!watch.ok()) spdlog::warn("cannot watch {} ({}); looking once in --interval", path, strerror(errno));
  return watch;
}

int run_core(const ToolOptions& tool, const CoreOptions& options) {
  if (options.once) require_output();
  const Stop stop;
  if (!options.once) write_in_background();
  DomainOptions domain_options = tool.domain;
  domain_options.create = !options.once;
  Result<Domain> domain = Domain::open(domain_options);
  if (!domain.ok()) return fail(domain.status());
  HousekeepingRules rules = options.rules;
  rules.tells = !options.once;  // the report has them
  Result<Housekeeping> housekeeping = Housekeeping::open(*domain, rules);
  if (!housekeeping.ok()) return fail(housekeeping.status());
  if (options.once) {
    if (Status s = housekeeping->step(); !s.ok()) return fail(s);
    print_report(*housekeeping, tool.format);
    return kExitOk;
  }
  Result<StatisticsTopics> topics = StatisticsTopics::open(*domain);
  if (!topics.ok()) return fail(topics.status());
  LossWatch losses(*domain, tool_log(), options.on_lost);
  losses.add(topics->node());
  Fd folder = watch_folder(domain->path());
  uint64_t lost = domain->losses();
  ServiceNotifier notifier = ServiceNotifier::from_environment(tool_log());
  bool ready = false;
  for (int64_t due = boottime_ns();;) {
    if (Status s = housekeeping->step(); !s.ok()) return fail(s);
    const int64_t now = boottime_ns();
    if (now >= due) {
      if (Status s = topics->publish(*housekeeping); !s.ok()) spdlog::warn("{}", s.message());
      while (due <= now) due += options.interval_ns;
      if (notifier.has_supervisor()) notifier.status(status_of(*housekeeping));
      if (!std::exchange(ready, true)) notifier.ready();
    }
    if (losses.sleep_until(std::min(due, notifier.look(now)), stop.fd(), folder.get())) {
      notifier.stopping();
      return exit_code_after(losses.failure());
    }
    if (const uint64_t before = std::exchange(lost, domain->losses()); before != lost)
      folder = watch_folder(domain->path());
    char events[4096];
    while (folder.ok() && read(folder.get(), events, sizeof events) > 0) {
    }
  }
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtcore_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app(
      "Keep house in a domain: tell which nodes come, go, die or publish the same topic, remove what the "
      "dead left,\n"
      "publish what is counted as topics smt/core/**. Everything works without it.",
      "smtcore");
  ToolOptions tool;
  CoreOptions options;
  add_duration(app, "--remove-after", &options.rules.remove_after_ns,
               "Remove the topics of a node that has been dead, or ended, for so long [never]");
  app.add_option("--keep", options.rules.keep, "Nodes that are never removed")->type_name("PATTERN");
  app.add_option("--only", options.rules.only, "Remove no other nodes than these [all]")
      ->type_name("PATTERN");
  add_duration(app, "--interval", &options.interval_ns, "Between two looks at the nodes [1s]",
               interval_of(1'000'000));
  app.add_flag(
      "--once", options.once,
      "Look once, remove what is due, print the nodes and end. How long a node has been dead is then told "
      "by its newest sample");
  add_on_lost(app, &options.on_lost);
  add_format_flag(app, &tool);
  add_common_flags(app, &tool);
  return run_tool(app, argc, argv, tool, [&] { return run_core(tool, options); });
}
