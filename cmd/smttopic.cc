// smttopic: look at topics, and publish one by hand.
#include <CLI/CLI.hpp>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/topic/topic_verbs.h"

namespace smt::cmd {
namespace {

constexpr Verb<ToolOptions> kVerbs[] = {
    {"list", "Show the topics of the domain", add_list},
    {"find", "Show the topics of a type", add_find},
    {"info", "Show all that is known of a topic, and its fields", add_info},
    {"echo", "Print samples as they come, from the newest one that is there", add_echo},
    {"watch",
     "Print a line when a topic appears, vanishes or changes its state: stale, fresh, source-dead, link-down",
     add_watch},
    {"hz", "Publications a second, and how regular they are", add_hz},
    {"bw", "Bytes a second, and the sizes of the values", add_bw},
    {"delay", "How old samples are when they arrive here", add_delay},
    {"pub", "Publish a value, or values from a file; the last one stays readable", add_pub},
    {"rm", "Remove a topic that nobody publishes any more", add_rm},
};

}  // namespace
}  // namespace smt::cmd

extern "C" int smttopic_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Look at shared-memory topics, and publish one by hand", "smttopic");
  app.require_subcommand(0, 1);
  app.fallthrough();
  ToolOptions tool;
  add_common_flags(app, &tool);
  add_format_flag(app, &tool);
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
  return run_tool(app, argc, argv, tool, [&] {
    if (!run) return fail(kExitUsage, "which verb? " + verb_names(kVerbs) + "; see smttopic --help");
    return run();
  });
}
