// smtreplay: a recorded flight into shared memory.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "cmd/cli/csv_flags.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/progress_line.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/terminal.h"
#include "cmd/cli/tool.h"
#include "cmd/recording/replay.h"

namespace smt::cmd {
namespace {

int run(const ToolOptions& tool, ReplayOptions options) {
  while (options.prefix.ends_with('/')) options.prefix.pop_back();
  if (!options.prefix.empty()) {
    if (Status s = check_topic_name(options.prefix); !s.ok()) return fail(s);
  }
  const Stop stop;
  write_in_background();
  const ProgressLine line;
  options.log = tool_log();
  if (line.shown()) {
    options.progress = [&](const ReplayProgress& p) {
      line.show(fmt::format("{:3.0f} %  {} samples  at {:.1f} s{}", 100 * p.read, p.samples,
                            static_cast<double>(p.position_ns) / 1e9,
                            p.paused ? "  paused: space goes on, . steps, arrows go 5 s, q ends" : ""));
    };
  }
  Result<Domain> domain = open_to_publish(tool.domain);
  if (!domain.ok()) return fail(domain.status());
  Result<Replay> replay = Replay::open(*domain, options);
  if (!replay.ok()) return fail(replay.status());
  KeyInput keys;
  if (options.paused && keys.fd() < 0) {
    return fail(kExitUsage, "--paused: stdin is no terminal, so no key could start it");
  }
  Result<ReplaySummary> summary =
      replay->run(stop.fd(), {[&] { return keys.fd(); }, [&] { return keys.read(); }});
  if (!summary.ok()) return fail(summary.status());
  line.end();
  for (const std::string& problem : summary->problems) spdlog::warn("{}: {}", options.path, problem);
  print_to_stderr(fmt::format(
      "smtreplay: {} topics, {} samples, {} rows skipped, {} files left out, {} initial, {:.2f} s\n",
      summary->topics, summary->samples, summary->samples_left_out, summary->topics_left_out,
      summary->initial, summary->seconds));
  if (summary->stopped) return kExitOk;
  const uint64_t left_out = summary->samples_left_out + summary->topics_left_out + summary->bytes_left_out +
                            summary->parts_left_out;
  return left_out == 0 ? kExitOk : kExitFailure;
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtreplay_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Play a recorded flight into shared memory", "smtreplay");
  ToolOptions tool;
  ReplayOptions options;
  app.add_option(
         "PATH", options.path,
         "Recording of smtlogger, CSV file, or folder of them: NAME.INSTANCE.csv is topic NAME/INSTANCE")
      ->required();
  CLI::Option* speed = add_number(app, "--speed", &options.speed, 1e-6, 1e6, "Times as fast as recorded [1]");
  app.add_flag("--asap", options.asap, "As fast as it goes")->excludes(speed);
  add_duration(app, "--max-gap", &options.max_gap_ns,
               "Silence of more recorded time is shortened to this, 0 is as recorded [1s]");
  add_duration(app, "--start", &options.start_ns, "Begin so much recorded time after the first sample [0s]");
  app.add_flag_callback(
      "--part", [&] { options.scope = LogScope::kFile; },
      "Play this file alone, not all parts of its recording");
  app.add_flag("--paused", options.paused, "Begin paused: see the keys below");
  app.add_flag("--loop", options.loop, "Again and again until SIGINT");
  app.add_option("--prefix", options.prefix, "Put before all topic names, with a '/'")->type_name("P");
  app.add_flag("--split", options.split, "A topic for each field: TOPIC/FIELD");
  add_history(app, &options.history);
  add_duration(app, "--max-age", &options.max_age_ns, "A sample older than this is stale [never]");
  app.add_flag("--force", options.force, "Publish also topics that other programs publish here meanwhile");
  add_publish_flags(app, &options.node, "replay");
  add_csv_flags(app, &options.csv);
  add_on_lost(app, &options.on_lost);
  add_common_flags(app, &tool);
  app.footer(
      "Keys: space pauses and goes on, . publishes one sample and pauses, left and right go 5 s of recorded\n"
      "time, home goes to the start, q ends.\n"
      "A recording of smtlogger is paced by the times at which its samples were received.\n"
      "A CSV file of smtlogger has C types in row 2; its column timestamp, in microseconds, paces the "
      "replay\n"
      "and becomes the stamp. Of other CSV files names, types, units and the time are guessed.\n"
      "Exit code 1: rows, samples, files or parts of the recording were left out.");
  return run_tool(app, argc, argv, tool, [&] { return run(tool, options); });
}
