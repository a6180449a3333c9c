// smttopic echo: every sample as it comes.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "cmd/exit_code.h"
#include "cmd/follow.h"
#include "cmd/sample_printer.h"
#include "cmd/text.h"
#include "cmd/tool.h"
#include "cmd/topic_json.h"
#include "cmd/verbs.h"

namespace smt::cmd {
namespace {

struct EchoOptions {
  std::vector<std::string> patterns;
  uint64_t count = 0;  // 0: no limit
  bool once = false;
  std::optional<int64_t> timeout_ns, duration_ns;
};

ShownSample Show(const Follower::Topic& topic, const Sample& sample) {
  ShownSample shown;
  shown.topic = topic.reader.topic();
  shown.schema = topic.schema;
  shown.sample = sample;
  const int64_t now = BoottimeNs();
  shown.receive_ns = RealtimeNs() - now + sample.written_ns;
  shown.state = topic.reader.state();
  if (topic.reader.age_ns()) shown.age_ns = now - sample.born_ns;
  return shown;
}

// The newest sample of each topic there is.
void EchoOnce(Follower* follower, SamplePrinter* printer) {
  for (auto& [name, topic] : follower->topics()) {
    (void)topic.reader.refresh();
    const Sample* sample = topic.reader.latest();
    if (sample != nullptr && !printer->print(Show(topic, *sample))) return;
  }
}

int Echo(const ToolOptions& tool, const EchoOptions& options) {
  Result<relay::PatternSet> patterns = relay::PatternSet::parse(options.patterns);
  if (!patterns.ok()) return Fail(patterns.status());
  const Stop stop;
  const int64_t end = DeadlineAfter(options.duration_ns);
  int64_t silent_until =
      options.once && !options.timeout_ns ? BoottimeNs() : DeadlineAfter(options.timeout_ns);

  Result<Domain> domain = WaitForDomain(tool.domain, stop, std::min(end, silent_until));
  if (!domain.ok()) {
    const bool missing = domain.status().code() == Code::kNotFound;
    const bool ended = missing && (stop.stopped() || OutputGone() || BoottimeNs() >= end);
    return ended ? kExitOk : Fail(domain.status());
  }
  Result<Follower> follower = Follower::open(*domain, std::move(*patterns));
  if (!follower.ok()) return Fail(follower.status());
  if (!options.once && follower->topics().empty()) {
    spdlog::info("no topic matches {} yet; waiting", fmt::join(options.patterns, " "));
  }

  SamplePrinter printer(tool.format);
  bool timed_out = false;
  for (;;) {
    const uint64_t before = printer.printed();
    bool more = true;
    if (options.once) {
      EchoOnce(&*follower, &printer);
      more = printer.printed() == 0;
    }
    more = more && follower->drain([&](const std::string&, Follower::Topic& topic, const Sample& sample) {
      if (options.once) return true;  // EchoOnce prints it
      return printer.print(Show(topic, sample)) && printer.printed() != options.count;
    });
    const int64_t now = BoottimeNs();
    if (printer.printed() != before && options.timeout_ns) silent_until = DeadlineAfter(options.timeout_ns);
    timed_out = more && now >= silent_until;
    if (!more || timed_out || now >= end || stop.stopped() || OutputGone()) break;
    follower->sleep(stop, std::min(end, silent_until));
  }
  printer.finish();
  if (!timed_out) return kExitOk;
  const std::string what = fmt::format("{}", fmt::join(options.patterns, " "));
  if (follower->topics().empty()) {
    return Fail(kExitNoTopic,
                fmt::format("no topic matches {} in {}; see smttopic list", what, domain->path()));
  }
  return Fail(kExitTimeout, options.timeout_ns ? fmt::format("{}: no sample within {}", what,
                                                             DurationText(*options.timeout_ns))
                                               : what + ": no sample yet; --timeout waits for one");
}

}  // namespace

void AddEcho(CLI::App& app, const ToolOptions& tool, Run* run) {
  CLI::App* verb = app.add_subcommand("echo", "Print every sample, from the oldest that is still there");
  auto options = std::make_shared<EchoOptions>();
  verb->add_option("PATTERN", options->patterns, "Topics, those that appear later too")->required();
  verb->add_option("-n,--count", options->count, "End after so many samples")->check(CLI::PositiveNumber);
  verb->add_flag("--once", options->once, "Print the newest sample of each topic there is now, and end");
  AddDuration(*verb, "--timeout", &options->timeout_ns, "End with 3 when no sample came for so long");
  AddDuration(*verb, "--duration", &options->duration_ns, "End after so long");
  verb->callback([=, &tool] { *run = [=, &tool] { return Echo(tool, *options); }; });
}

}  // namespace smt::cmd
