#include "cmd/relay_serve.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "cmd/exit_code.h"
#include "cmd/impair.h"
#include "cmd/output.h"

namespace smt::cmd {

int RunRelay(const char* tool, const char* what, Role role, int argc, char** argv,
             const std::function<int(const ToolOptions&, const RelayFlags&, const RelayRules&)>& run) {
  CLI::App app(what, tool);
  ToolOptions options;
  RelayFlags flags;
  flags.role = role;
  AddRelayFlags(app, &flags);
  if (role == Role::kProxy) {
    AddLogFlags(app, &options);
  } else {
    AddCommonFlags(app, &options);
  }
  return RunTool(app, argc, argv, options, [&] {
    while (flags.prefix.ends_with('/')) flags.prefix.pop_back();
    const Result<RelayRules> rules = CheckRelayFlags(flags);
    if (!rules.ok()) return Fail(rules.status());
    return flags.explain ? Explain(flags, *rules) : run(options, flags, *rules);
  });
}

Result<relay::RelayOptions> RelayInDomain(const Domain& domain, const RelayFlags& flags) {
  Result<Id128> id = domain.origin_id();
  if (!id.ok()) return id.status();
  relay::RelayOptions options;
  options.name = flags.name;
  options.origin_id = *id;
  return options;
}

std::optional<RelayCounters> CountersOf(const Domain& domain, const RelayFlags& flags) {
  Result<std::unique_ptr<CounterSink>> sink = CountersInDomain(domain, flags);
  Status failed = sink.status();
  if (sink.ok()) {
    Result<RelayCounters> counters = RelayCounters::open(std::move(*sink), flags);
    if (counters.ok()) return std::move(*counters);
    failed = counters.status();
  }
  spdlog::warn("the counters are not published: {}", failed.message());
  return std::nullopt;
}

int Serve(relay::Store* store, relay::RelayOptions relay, const RelayFlags& flags, const Stop& stop,
          std::optional<RelayCounters> counters) {
  RelayLoop loop(store, std::move(relay), stop, {.spin = flags.spin, .impair = flags.impair});
  if (flags.impair) spdlog::warn("every link is impaired on purpose: {}", ImpairmentText(*flags.impair));
  for (const std::string& endpoint : flags.bind) {
    if (Status s = loop.bind(endpoint); !s.ok()) return Fail(s);
  }
  for (const std::string& endpoint : flags.connect) {
    if (Status s = loop.dial(endpoint); !s.ok()) return Fail(s);
  }
  Print(fmt::format("ready {} {}\n", flags.name, fmt::join(loop.endpoints(), " ")));
  loop.run([&](int64_t now) -> std::optional<int64_t> {
    return counters ? counters->publish(loop.engine(), now) : kNever;
  });
  return kExitOk;
}

}  // namespace smt::cmd
