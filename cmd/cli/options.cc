#include "cmd/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <type_traits>

#include "cmd/cli/parsed_flag.h"
#include "cmd/text/log_sink.h"
#include "cmd/text/text.h"
#include "cmd/text/version.h"
#include "shm/fnv1a.h"

namespace smt::cmd {
namespace {

Result<int64_t> parse_bounded_duration(const std::string& text, DurationBounds bounds) {
  Result<int64_t> ns = parse_duration(text);
  if (!ns.ok() || (*ns >= bounds.min_ns && *ns <= bounds.max_ns)) return ns;
  return out_of_range(text, duration_text(bounds.min_ns), duration_text(bounds.max_ns), "");
}

template <class Nanoseconds>
CLI::Option* add_duration_to(CLI::App& app, const std::string& flag, Nanoseconds* ns, const std::string& what,
                             DurationBounds bounds) {
  const auto parse = [=](const std::string& text) { return parse_bounded_duration(text, bounds); };
  return add_parsed(app, flag, ns, what, parse)->type_name("DURATION");
}

}  // namespace

void add_common_flags(CLI::App& app, ToolOptions* tool) {
  tool->domain = DomainOptions::from_environment();
  app.add_option("--domain", tool->domain.domain, "Name of the domain [SMT_DOMAIN or default]")
      ->type_name("NAME");
  app.add_option(
         "--root", tool->domain.root,
         "Folder that holds the domains [SMT_ROOT, or /run/smt where root has mounted that, or /dev/shm/smt]")
      ->type_name("DIR");
  app.add_option("--group", tool->domain.group,
                 "Unix group that shares the domain; without one only this user has it [SMT_GROUP]")
      ->type_name("GROUP");
  app.add_flag("--shared-root", tool->domain.shared_root,
               "With --group, the folder may be a mount of root's that all may write, as in a pod "
               "[SMT_SHARED_ROOT]");
  add_word(
      app, "--log", kLogThresholds, &tool->log,
      "Least level of what is logged on stderr: trace, debug, info, warn, error or off [SMT_LOG or info]")
      ->type_name("LEVEL")
      ->envname("SMT_LOG");
  add_version_flag(app);
}

void add_version_flag(CLI::App& app) { app.set_version_flag("--version", version()); }

void add_format_flag(CLI::App& app, ToolOptions* tool) {
  add_word(app, "-f,--format", kFormats, &tool->format, "How data is printed [SMT_FORMAT or table]")
      ->type_name(std::string(kFormatChoice))
      ->envname("SMT_FORMAT");
}

CLI::Option* add_duration(CLI::App& app, const std::string& flag, int64_t* ns, const std::string& what,
                          DurationBounds bounds) {
  return add_duration_to(app, flag, ns, what, bounds);
}

CLI::Option* add_duration(CLI::App& app, const std::string& flag, std::optional<int64_t>* ns,
                          const std::string& what, DurationBounds bounds) {
  return add_duration_to(app, flag, ns, what, bounds);
}

template <class Number>
CLI::Option* add_number(CLI::App& app, const std::string& flag, Number* out, Number min, Number max,
                        const std::string& what) {
  const auto parse = [=](const std::string& text) { return parse_in_range(text, min, max); };
  return add_parsed(app, flag, out, what, parse)->type_name(std::is_integral_v<Number> ? "N" : "X");
}
template CLI::Option* add_number(CLI::App&, const std::string&, double*, double, double, const std::string&);
template CLI::Option* add_number(CLI::App&, const std::string&, uint32_t*, uint32_t, uint32_t,
                                 const std::string&);
template CLI::Option* add_number(CLI::App&, const std::string&, uint64_t*, uint64_t, uint64_t,
                                 const std::string&);

CLI::Option* add_count(CLI::App& app, uint64_t* count, const std::string& what) {
  return add_number<uint64_t>(app, "-n,--count", count, 1, std::numeric_limits<uint64_t>::max(), what);
}

CLI::Option* add_history(CLI::App& app, uint32_t* samples) {
  return add_number<uint32_t>(app, "--history", samples, 1, layout::kMaxSlots,
                              "Samples kept for readers that come late [4]");
}

CLI::Option* add_size(CLI::App& app, const std::string& flag, uint64_t* bytes, const SizeKind& kind,
                      const std::string& what) {
  return add_parsed(app, flag, bytes, what,
                    [&kind](const std::string& text) { return parse_size(text, kind); })
      ->type_name("BYTES");
}

void add_publish_flags(CLI::App& app, NodeOptions* node, const std::string& name_default) {
  app.add_option("--node", node->name, "Name of the publishing node [" + name_default + "]")
      ->type_name("NAME");
  add_size(app, "--segment-size", &node->segment_bytes, kSegmentSize,
           "Virtual size of the node's segment, as 64M or 2G [the one that is there, else 1G]");
  CLI::Option* keep = app.add_flag("--keep", node->keep, "Ask smtcore never to remove the last values");
  app.add_flag("--remove-on-exit", node->remove_on_exit,
               "Remove the topics at the end; else their last values stay")
      ->excludes(keep);
}

void add_on_lost(CLI::App& app, OnLost* on_lost) {
  add_word(app, "--on-lost", kOnLost, on_lost, std::string(kOnLostHelp) + " [remake]")
      ->type_name(std::string(kOnLostChoice));
}

std::string node_name_for(const std::string& prefix, const std::string& topic) {
  return fmt::format("{}-{:016x}", prefix, fnv1a(topic));
}

}  // namespace smt::cmd
