// smtlogger: every sample of some topics in a file.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/progress_line.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/recorder.h"
#include "cmd/text/numbers.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr Verb<ToolOptions> kVerbs[] = {
    {"info", "Show what is in a recording; exit code 1 if it is not whole", add_log_info},
    {"recover", "Make a complete file of what can be read of one; exit code 1 if anything was left out",
     add_log_recover},
    {"convert", "Write a recording in the format of another name; exit code 1 if anything was left out",
     add_log_convert},
};

constexpr SizeKind kPartSize = {1024, "KMGT", "64M", 1, uint64_t{1} << 60};
constexpr SizeKind kBufferSize = {1024, "KMGT", "64M", 1 << 20, uint64_t{1} << 40};

struct Patterns {
  std::vector<std::string> allow = {"**"}, deny;
};

int run_record(const ToolOptions& tool, const Patterns& texts, RecordOptions options) {
  std::vector<std::string> deny = texts.deny;
  deny.emplace_back(kLogEventsTopic);  // of a recording that is replayed; this one has its own
  const Result<relay::PatternSet> patterns = relay::PatternSet::parse(texts.allow, deny);
  if (!patterns.ok()) return fail(patterns.status());
  keep_large_blocks();  // what packs a chunk
  // A terminal that goes away tells so by SIGHUP, unless the recording is to outlive it (nohup, disown).
  const bool outlives = hangup_ignored() || is_terminal(STDOUT_FILENO);
  const Stop stop(outlives ? StopOn::kSignal : StopOn::kSignalOrOutputGone);
  write_in_background();
  const ProgressLine line;
  options.log = tool_log();
  if (line.shown()) {
    options.progress = [&](const RecordProgress& p) {
      const std::string lost = p.overflowed == 0 ? "" : fmt::format("  {} overflowed", p.overflowed);
      line.show(fmt::format(
          "{:.1f} s  {} topics  {} samples  {} missed{}  {}  buffer {:.0f} %", p.seconds, p.topics, p.samples,
          p.missed, lost, bytes_text(p.file_bytes),
          100.0 * static_cast<double>(p.buffered_bytes) / static_cast<double>(options.buffer_bytes)));
    };
  }
  Result<Recorder> recorder = Recorder::open(options);
  if (!recorder.ok()) return fail(recorder.status());
  spdlog::info("recording {} to {}", fmt::join(texts.allow, " "), options.output);
  const int64_t end = options.duration_ns ? deadline_after(options.duration_ns) : kNever;
  bool waited;
  Result<Domain> domain = wait_for_domain(tool.domain, stop.fd(), end, tool_log(), &waited);
  Status recorded;
  if (domain.ok()) {
    recorded = recorder->run(*domain, *patterns, stop.fd(), waited ? Begin::kFirst : Begin::kOldest);
    line.end();
  } else {
    recorded = recorder->finish();
  }
  print_record_summary(recorder->summary(), tool.format);
  const bool ended = stop.stopped() || boottime_ns() >= end;
  if (!domain.ok() && !(ended && domain.status().code() == Code::kNotFound)) return fail(domain.status());
  return recorded.ok() ? kExitOk : fail(kExitFailure, recorded.message());
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtlogger_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Record every sample of shared-memory topics", "smtlogger");
  app.require_subcommand(0, 1);
  app.fallthrough();
  ToolOptions tool;
  Patterns patterns;
  RecordOptions options;
  app.add_option("--output", options.output, "New file, .mcap or .h5")->type_name("FILE");
  app.add_option("--topic", patterns.allow, "Topics, those that appear later too; several times [**]")
      ->type_name("PATTERN");
  app.add_option("--exclude", patterns.deny, "Not these; several times")->type_name("PATTERN");
  add_duration(app, "--duration", &options.duration_ns, "End after so long");
  add_size(app, "--split-size", &options.split_bytes, kPartSize,
           "Begin a new part at this size of a file, as 64M or 2G");
  add_duration(app, "--split-time", &options.split_ns, "Begin a new part after so long",
               interval_of(1'000'000));
  add_size(app, "--buffer", &options.buffer_bytes, kBufferSize,
           "Keep so much in memory, as 64M or 1G, while the disk does not keep up [256M]");
  add_on_lost(app, &options.on_lost);
  add_common_flags(app, &tool);
  add_format_flag(app, &tool);
  app.footer(
      "Ends cleanly on SIGINT, SIGTERM and SIGHUP, with a summary on standard output; under nohup it goes "
      "on\n"
      "when its terminal is gone. Parts are FILE.mcap, FILE.1.mcap, ...\n"
      "Exit codes: 0 ok, 1 failure (the file is good up to what the summary tells), 2 usage.");
  Run run;
  for (const auto& verb : kVerbs) verb.add(app.add_subcommand(verb.name, verb.description), tool, &run);
  return run_tool(app, argc, argv, tool, [&] {
    if (run) return run();
    if (options.output.empty())
      return fail(kExitUsage, "where to? --output FILE.mcap or FILE.h5; see smtlogger --help");
    return run_record(tool, patterns, options);
  });
}
