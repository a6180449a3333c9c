#include "cmd/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cmd/text/log_sink.h"
#include "cmd/text/text.h"
#include "cmd/text/version.h"
#include "cmd/text/words.h"
#include "shm/fnv1a.h"

namespace smt::cmd {
namespace {

int64_t duration_or_throw(const std::string& flag, const std::string& text) {
  Result<int64_t> ns = parse_duration(text);
  if (!ns.ok()) throw CLI::ValidationError(flag, ns.status().message());
  return *ns;
}

template <class Nanoseconds>
CLI::Option* add_duration_to(CLI::App& app, const std::string& flag, Nanoseconds* ns,
                             const std::string& what) {
  return app
      .add_option_function<std::string>(
          flag, [=](const std::string& text) { *ns = duration_or_throw(flag, text); }, what)
      ->type_name("DURATION");
}

// A flag whose value is one of `words`.
template <class U, class Words>
CLI::Option* add_word(CLI::App& app, const std::string& flag, const Words& words, U* out,
                      const std::string& what) {
  return app.add_option_function<std::string>(
      flag,
      [&words, out, flag](const std::string& text) {
        const auto meaning = parse_word(words, text);
        if (!meaning.ok()) throw CLI::ValidationError(flag, meaning.status().message());
        *out = U(*meaning);
      },
      what);
}

}  // namespace

void add_common_flags(CLI::App& app, ToolOptions* tool) {
  tool->domain = DomainOptions::from_environment();
  app.add_option("--domain", tool->domain.domain, "Name of the domain [SMT_DOMAIN or default]")
      ->type_name("NAME");
  app.add_option("--root", tool->domain.root, "Folder that holds the domains [SMT_ROOT or /dev/shm/smt]")
      ->type_name("DIR");
  app.add_option("--group", tool->domain.group,
                 "Unix group that shares the domain; without one only this user has it [SMT_GROUP]")
      ->type_name("GROUP");
  add_word(
      app, "--log", kLogThresholds, &tool->log,
      "Least level of what is logged on stderr: trace, debug, info, warn, error or off [SMT_LOG or info]")
      ->type_name("LEVEL")
      ->envname("SMT_LOG");
  add_version_flag(app);
}

void add_version_flag(CLI::App& app) { app.set_version_flag("--version", version()); }

void add_format_flag(CLI::App& app, ToolOptions* tool) {
  add_word(app, "-f,--format", kFormats, &tool->format, "How data is printed [SMT_FORMAT or table]")
      ->type_name(std::string(kFormatChoice))
      ->envname("SMT_FORMAT");
}

CLI::Option* add_duration(CLI::App& app, const std::string& flag, int64_t* ns, const std::string& what) {
  return add_duration_to(app, flag, ns, what);
}

CLI::Option* add_duration(CLI::App& app, const std::string& flag, std::optional<int64_t>* ns,
                          const std::string& what) {
  return add_duration_to(app, flag, ns, what);
}

void add_publish_flags(CLI::App& app, NodeOptions* node, const std::string& name_default) {
  app.add_option("--node", node->name, "Name of the publishing node [" + name_default + "]")
      ->type_name("NAME");
  app.add_option("--segment-size", node->segment_bytes,
                 "Virtual size of the node's segment, as 64M or 2G [the one that is there, else 1G]")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  CLI::Option* keep = app.add_flag("--keep", node->keep, "Ask smtcore never to remove the last values");
  app.add_flag("--remove-on-exit", node->remove_on_exit,
               "Remove the topics at the end; else their last values stay")
      ->excludes(keep);
}

std::string node_name_for(const std::string& prefix, const std::string& topic) {
  return fmt::format("{}-{:016x}", prefix, fnv1a(topic));
}

}  // namespace smt::cmd
