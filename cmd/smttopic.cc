// smttopic: look at topics, and publish one by hand.
#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/topic/topic_verbs.h"

namespace smt::cmd {
namespace {

constexpr Verb<ToolOptions> kVerbs[] = {
    {"list", "Show the topics of the domain", AddList},
    {"find", "Show the topics of a type", AddFind},
    {"info", "Show all that is known of a topic, and its fields", AddInfo},
    {"echo", "Print every sample, from the oldest that is still there", AddEcho},
    {"watch",
     "Print a line when a topic appears, vanishes or changes its state: stale, fresh, source-dead, link-down",
     AddWatch},
    {"hz", "Publications a second, and how regular they are", AddHz},
    {"bw", "Bytes a second, and the sizes of the values", AddBw},
    {"delay", "How old samples are when they arrive here", AddDelay},
    {"pub", "Publish a value, or values from a file; the last one stays readable", AddPub},
    {"rm", "Remove a topic that nobody publishes any more", AddRm},
};

}  // namespace
}  // namespace smt::cmd

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
  for (const auto& verb : kVerbs) {
    CLI::App* added = app.add_subcommand(verb.name, verb.description);
    added->footer("Flags of all verbs (--domain, --format, ...): smttopic --help");
    verb.add(added, tool, &run);
  }
  return RunTool(app, argc, argv, tool, [&] {
    if (!run) return Fail(kExitUsage, "which verb? " + verb_names(kVerbs) + "; see smttopic --help");
    return run();
  });
}
