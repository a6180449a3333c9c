// smtlogger: every sample of some topics in a file.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/recorder.h"

namespace smt::cmd {
namespace {

struct Patterns {
  std::vector<std::string> allow = {"**"}, deny;
};

int Record(const ToolOptions& tool, const Patterns& texts, const RecordOptions& options) {
  std::vector<std::string> deny = texts.deny;
  deny.emplace_back(kLogEventsTopic);  // of a recording that is replayed; this one has its own
  const Result<relay::PatternSet> patterns = relay::PatternSet::parse(texts.allow, deny);
  if (!patterns.ok()) return Fail(patterns.status());
  KeepLargeBlocks();  // what packs a chunk
  const Stop stop;
  Result<Recorder> recorder = Recorder::open(options);
  if (!recorder.ok()) return Fail(recorder.status());
  spdlog::info("recording {} to {}", fmt::join(texts.allow, " "), options.output);
  const int64_t end = options.duration_ns ? DeadlineAfter(options.duration_ns) : kNever;
  Result<Domain> domain = WaitForDomain(tool.domain, stop, end);
  Status status;
  if (domain.ok()) {
    status = recorder->run(*domain, *patterns, stop);
  } else {
    const Status finished = recorder->finish();
    const bool ended = stop.stopped() || OutputGone() || BoottimeNs() >= end;
    status = ended && domain.status().code() == Code::kNotFound ? finished : domain.status();
  }
  PrintRecordSummary(recorder->summary(), tool.format);
  return status.ok() ? kExitOk : Fail(kExitFailure, status.message());
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
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
  AddDuration(app, "--duration", &options.duration_ns, "End after so long");
  app.add_option("--split-size", options.split_bytes, "Begin a new part at this size of a file, as 64M or 2G")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  AddDuration(app, "--split-time", &options.split_ns, "Begin a new part after so long");
  AddCommonFlags(app, &tool);
  AddFormatFlag(app, &tool);
  app.footer(
      "Ends cleanly on SIGINT, with a summary on standard output. Parts are FILE.mcap, FILE.1.mcap, ...\n"
      "Exit codes: 0 ok, 1 failure (the file is good up to what the summary tells), 2 usage.");
  Run run;
  AddLogInfo(app, tool, &run);
  AddLogRecover(app, tool, &run);
  AddLogConvert(app, tool, &run);
  return RunTool(app, argc, argv, tool, [&] {
    if (run) return run();
    if (options.output.empty())
      return Fail(kExitUsage, "where to? --output FILE.mcap or FILE.h5; see smtlogger --help");
    return Record(tool, patterns, options);
  });
}
