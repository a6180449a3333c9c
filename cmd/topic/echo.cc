// smttopic echo: samples as they come.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>

#include "cmd/api/register_decoder.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/sample_printer.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/monitor/follow.h"
#include "cmd/text/loss_watch.h"
#include "cmd/text/text.h"
#include "cmd/topic/topic_verbs.h"
#include "cmd/value/sample_choice.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {
namespace {

struct EchoOptions {
  std::vector<std::string> patterns;
  uint64_t count = 0;  // 0: no limit
  bool once = false, history = false, raw = false;
  std::vector<std::string> fields;
  std::string filter;
  std::string registers;  // the description of their bits
  std::optional<int64_t> timeout_ns, duration_ns;
};

ShownSample show(const Follower::Topic& topic, const Sample& sample) {
  ShownSample shown;
  shown.topic = topic.reader.topic();
  shown.schema = topic.schema;
  shown.sample = sample;
  shown.receive_ns = realtime_ns() - boottime_ns() + sample.written_ns;
  const Freshness freshness = topic.reader.freshness_of(sample.born_ns);
  shown.state = freshness.state;
  shown.age_ns = freshness.age_ns;
  return shown;
}

// Prints what is chosen of the samples.
class Echoer {
 public:
  Echoer(Follower* follower, SampleChoice choice, std::optional<api::RegisterDecoder> registers,
         const EchoOptions& options, Format format)
      : follower_(follower),
        choice_(std::move(choice)),
        registers_(std::move(registers)),
        options_(options),
        printer_(format) {}

  // Takes in what has come. False: all that was asked for is printed, or stdout failed.
  bool step() {
    const bool more = !options_.once || once();
    return follower_->drain([&](const std::string&, Follower::Topic& topic, const Sample& sample) {
      return options_.once || (take(topic, sample) && (options_.count == 0 || printed_ < options_.count));
    }) && more;
  }
  // kInvalid: there are topics, and none has the fields that are named.
  Status check() {
    if (follower_->topics().size() != known_) {
      known_ = follower_->topics().size();
      for (const auto& [name, topic] : follower_->topics()) {
        if (!topic.reader.schema()) continue;
        for (const std::string& line : choice_.add(name, *topic.reader.schema())) spdlog::warn("{}", line);
      }
    }
    return choice_.check();
  }
  void finish() {
    if (!options_.raw) printer_.finish();
  }
  uint64_t printed() const { return printed_; }

 private:
  // The newest sample of each topic there is.
  bool once() {
    for (auto& [name, topic] : follower_->topics()) {
      (void)topic.reader.refresh();
      const Sample* newest = topic.reader.latest();
      if (newest == nullptr) continue;
      Sample sample = *newest;
      sample.missed = 0;  // none was asked for
      if (!take(topic, sample)) return false;
    }
    return printed_ == 0;
  }
  // False: stdout failed.
  bool take(const Follower::Topic& topic, const Sample& sample) {
    ShownSample shown = show(topic, sample);
    if (!choice_.choose(&shown)) return true;
    if (registers_ && !registers_->decode(&shown) && others_.insert(shown.topic).second)
      spdlog::warn("{}: no map of {}; shown as it is", shown.topic, options_.registers);
    ++printed_;
    if (!options_.raw) return printer_.print(shown);
    return print_text({reinterpret_cast<const char*>(sample.bytes.data()), sample.bytes.size()});
  }

  Follower* follower_;
  SampleChoice choice_;
  std::optional<api::RegisterDecoder> registers_;
  std::set<std::string> others_;  // topics that it does not know, each told once
  const EchoOptions& options_;
  SamplePrinter printer_;
  uint64_t printed_ = 0;
  size_t known_ = 0;  // topics that the choice knows of
};

// Of what the flags say, before anything is opened.
Status check(const EchoOptions& options, const relay::PatternSet& patterns) {
  const bool one = patterns.allow().size() == 1 && patterns.allow()[0].names_one_topic();
  if (!options.raw || one) return Status();
  return Status(Code::kInvalid, "--raw takes the name of one topic: bytes do not tell where a sample ends");
}

int fail_without_sample(const EchoOptions& options, bool has_topics, const Domain& domain) {
  const std::string what = fmt::format("{}", fmt::join(options.patterns, " "));
  if (!has_topics) {
    return fail(kExitNoTopic,
                fmt::format("no topic matches {} in {}; see smttopic list", what, domain.path()));
  }
  const std::string sample = options.filter.empty() ? "no sample" : "no sample that fits the filter";
  return fail(kExitTimeout,
              options.timeout_ns
                  ? fmt::format("{}: {} within {}", what, sample, duration_text(*options.timeout_ns))
                  : fmt::format("{}: {} yet; --timeout waits for one", what, sample));
}

int run_echo(const ToolOptions& tool, const EchoOptions& options) {
  require_output();
  Result<relay::PatternSet> patterns = relay::PatternSet::parse(options.patterns);
  if (!patterns.ok()) return fail(patterns.status());
  if (Status s = check(options, *patterns); !s.ok()) return fail(s);
  Result<SampleChoice> choice = SampleChoice::parse(options.fields, options.filter);
  if (!choice.ok()) return fail(choice.status());
  std::optional<api::RegisterDecoder> registers;
  if (!options.registers.empty()) {
    ConfigErrors errors;
    registers = api::RegisterDecoder::open(options.registers, &errors);
    for (const std::string& line : errors.lines()) print_to_stderr(line + "\n");
    if (!registers) return kExitUsage;
  }
  const Stop stop(StopOn::kSignalOrOutputGone);
  const int64_t end = deadline_after(options.duration_ns);
  int64_t silent_until =
      options.once && !options.timeout_ns ? boottime_ns() : deadline_after(options.timeout_ns);

  bool waited;
  Result<Domain> domain =
      wait_for_domain(tool.domain, stop.fd(), std::min(end, silent_until), tool_log(), &waited);
  if (!domain.ok()) {
    const bool missing = domain.status().code() == Code::kNotFound;
    const bool ended = missing && (stop.stopped() || boottime_ns() >= end);
    return ended ? kExitOk : fail_topic(domain.status());
  }
  const Begin begin = waited ? Begin::kFirst : options.history ? Begin::kOldest : Begin::kNewest;
  Result<Follower> follower = Follower::open(*domain, std::move(*patterns), begin, tool_log());
  if (!follower.ok()) return fail(follower.status());
  if (!options.once && follower->topics().empty()) {
    spdlog::info("no topic matches {} yet; waiting", fmt::join(options.patterns, " "));
  }

  Echoer echoer(&*follower, std::move(*choice), std::move(registers), options, tool.format);
  LossWatch losses(*domain, tool_log());
  bool timed_out = false;
  for (;;) {
    const uint64_t before = echoer.printed();
    if (Status s = echoer.check(); !s.ok()) return fail(s);
    const bool more = echoer.step();
    const int64_t now = boottime_ns();
    losses.look(now);
    if (echoer.printed() != before && options.timeout_ns) silent_until = deadline_after(options.timeout_ns);
    timed_out = more && now >= silent_until;
    if (!more || timed_out || now >= end || stop.stopped()) break;
    follower->sleep(stop.fd(), std::min(end, silent_until));
  }
  echoer.finish();
  if (!timed_out) return kExitOk;
  return fail_without_sample(options, !follower->topics().empty(), *domain);
}

}  // namespace

void add_echo(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto options = std::make_shared<EchoOptions>();
  verb->add_option("PATTERN", options->patterns, "Topics, those that appear later too")->required();
  add_count(*verb, &options->count, "End after so many samples");
  CLI::Option* once =
      verb->add_flag("--once", options->once, "Print the newest sample of each topic there is now, and end");
  verb->add_flag("--history", options->history,
                 "Begin with the oldest sample that is still there, not with the newest")
      ->excludes(once);
  CLI::Option* field =
      verb->add_option("--field", options->fields,
                       "Print only this field, element or group of fields: pose.x, q[2], pose; "
                       "may be given again. Topics without it are left out")
          ->type_name("FIELD")
          ->allow_extra_args(false);
  verb->add_option(
          "--filter", options->filter,
          "Print only samples for which this holds: comparisons (== != < <= > >=) of a field with a number "
          "or with text in quotes, joined by && and ||, with parentheses: 'speed > 2.5 && mode == \"auto\"'")
      ->type_name("EXPR");
  verb->add_flag("--raw", options->raw,
                 "Print the bytes of the values of one topic as they are, and nothing else")
      ->excludes(field);
  verb->add_option("--registers", options->registers,
                   "Print what the bits of registers mean, too: a description of smt-register-builder")
      ->type_name("FILE.xml");
  add_duration(*verb, "--timeout", &options->timeout_ns, "End with 3 when no sample came for so long");
  add_duration(*verb, "--duration", &options->duration_ns, "End after so long");
  verb->callback([=, &tool] { *run = [=, &tool] { return run_echo(tool, *options); }; });
}

}  // namespace smt::cmd
