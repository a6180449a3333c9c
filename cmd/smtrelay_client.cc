// smtrelay_client: topics of another machine on demand.
#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/verbs.h"
#include "cmd/client/client.h"
#include "cmd/relays/config_flags.h"
#include "cmd/relays/relay_serve.h"

namespace smt::cmd {
namespace {

constexpr Verb<ClientOptions> kCommands[] = {
    {"get", "Print the present value of each topic", add_client_get},
    {"list", "Show the topics that are there", add_client_list},
    {"set", "Write a value into another machine's memory, where a rule allows it", add_client_set},
    {"watch", "Print each sample as it arrives, until SIGINT", add_client_watch},
    {"why", "Say what stops a topic, and at which hop", add_client_why},
};

}  // namespace
}  // namespace smt::cmd

extern "C" int smtrelay_client_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Fetch topics from a relay, or set them", "smtrelay_client");
  app.require_subcommand(0, 1);
  app.fallthrough();
  ConfigFlags flags;
  flags.role = Role::kClient;
  add_config_flags(app, &flags);
  app.footer(
      app.get_footer() +
      "\nExit codes: 0 ok, 1 failure, 2 usage or configuration, 3 no answer in time, 4 no such topic,\n"
      "5 another layout, 6 refused, 7 nobody answers there; of why: 1 something stops the topic.");
  ClientOptions options;
  Run run;
  for (const auto& command : kCommands) {
    CLI::App* added = app.add_subcommand(command.name, command.description);
    added->footer("Flags of all commands (--connect, --format, ...): smtrelay_client --help");
    command.add(added, options, &run);
  }
  return run_configured(app, argc, argv, flags, [&](const RelayConfig& config) {
    if (!run)
      return fail(kExitUsage, "which command? " + verb_names(kCommands) + "; see smtrelay_client --help");
    options.connect = config.peers.front().value.connect.front();
    options.keys = config.keyring;
    options.timeout_ns = config.timeout_ns;
    options.format = config.format;
    return run();
  });
}
