// smtrelay_client: topics of another machine on demand.
#include "cmd/client.h"
#include "cmd/exit_code.h"
#include "cmd/tool.h"
#include "cmd/verbs.h"

int main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Fetch topics from a relay", "smtrelay_client");
  app.require_subcommand(0, 1);
  app.fallthrough();
  ClientOptions options;
  app.add_option("--connect", options.connect, "The relay: tcp://HOST:PORT or ipc://PATH")
      ->required()
      ->type_name("EP");
  AddDuration(app, "--timeout", &options.timeout_ns, "How long to wait for an answer [2s]");
  app.add_flag("--insecure", options.insecure, "Allow an endpoint on another machine, without encryption");
  AddFormatFlag(app, &options.tool);
  AddLogFlags(app, &options.tool);
  app.footer(
      "PATTERN: a topic name in which * is any text inside one segment and ** any number of segments;\n"
      "re:EXPRESSION is RE2. Exit codes: 0 ok, 1 failure, 2 usage, 3 no answer in time, 4 no such topic,\n"
      "7 nobody answers there; of why: 1 something stops the topic.");
  Run run;
  for (auto add : {AddClientGet, AddClientList, AddClientWatch, AddClientWhy}) add(app, options, &run);
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) {
    verb->footer("Flags of all commands (--connect, --format, ...): smtrelay_client --help");
  }
  return RunTool(app, argc, argv, options.tool, [&] {
    if (!run) return Fail(kExitUsage, "which command? get, list, watch or why; see smtrelay_client --help");
    return run();
  });
}
