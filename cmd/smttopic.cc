// smttopic: look at topics, and publish one by hand.
#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/verbs.h"

int main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Look at shared-memory topics, and publish one by hand", "smttopic");
  app.require_subcommand(0, 1);
  app.fallthrough();
  ToolOptions tool;
  AddCommonFlags(app, &tool);
  AddFormatFlag(app, &tool);
  app.footer(
      "PATTERN: a topic name in which * is any text inside one segment and ** any number of segments;\n"
      "re:EXPRESSION is RE2. Exit codes: 0 ok, 1 failure, 2 usage, 3 no data in time, 4 no such topic,\n"
      "5 other type, 6 denied.");
  Run run;
  for (auto add : {AddList, AddFind, AddInfo, AddEcho, AddWatch, AddHz, AddBw, AddDelay, AddPub, AddRm})
    add(app, tool, &run);
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) {
    verb->footer("Flags of all verbs (--domain, --format, ...): smttopic --help");
  }
  return RunTool(app, argc, argv, tool, [&] {
    if (!run)
      return Fail(kExitUsage,
                  "which verb? list, info, echo, watch, find, hz, bw, delay, pub or rm; see smttopic --help");
    return run();
  });
}
