#include "cmd/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cmd/config/config_types.h"
#include "cmd/text/text.h"
#include "cmd/text/version.h"

namespace smt::cmd {
namespace {

int64_t DurationOrThrow(const std::string& flag, const std::string& text) {
  Result<int64_t> ns = ParseDuration(text);
  if (!ns.ok()) throw CLI::ValidationError(flag, ns.status().message());
  return *ns;
}

// A flag with a type of the configuration.
template <class U>
CLI::Option* AddWord(CLI::App& app, const std::string& flag, const ConfigType<U>& type, U* out,
                     const std::string& what) {
  return app
      .add_option_function<std::string>(
          flag,
          [&type, out, flag](const std::string& text) {
            const std::optional<Fault> fault = type.read(Value::Word(text, {}), out);
            if (fault) throw CLI::ValidationError(flag, fault->message);
          },
          what)
      ->type_name(std::string(type.name));
}

}  // namespace

void AddCommonFlags(CLI::App& app, ToolOptions* tool) {
  tool->domain = DomainOptions::FromEnvironment();
  app.add_option("--domain", tool->domain.domain, "Name of the domain [SMT_DOMAIN or default]")
      ->type_name("NAME");
  app.add_option("--root", tool->domain.root, "Folder that holds the domains [SMT_ROOT or /dev/shm/smt]")
      ->type_name("DIR");
  app.add_option("--group", tool->domain.group,
                 "Unix group that shares the domain; without one only this user has it [SMT_GROUP]")
      ->type_name("GROUP");
  AddWord(app, "--log", kLogType, &tool->log,
          "Least level of what is logged on stderr: trace, debug, info, warn, error or off [SMT_LOG or info]")
      ->envname("SMT_LOG");
  AddVersionFlag(app);
}

void AddVersionFlag(CLI::App& app) { app.set_version_flag("--version", Version()); }

void AddFormatFlag(CLI::App& app, ToolOptions* tool) {
  AddWord(app, "-f,--format", kFormatType, &tool->format, "How data is printed [SMT_FORMAT or table]")
      ->envname("SMT_FORMAT");
}

CLI::Option* AddDuration(CLI::App& app, const std::string& flag, int64_t* ns, const std::string& what) {
  return app
      .add_option_function<std::string>(
          flag, [=](const std::string& text) { *ns = DurationOrThrow(flag, text); }, what)
      ->type_name("DURATION");
}

CLI::Option* AddDuration(CLI::App& app, const std::string& flag, std::optional<int64_t>* ns,
                         const std::string& what) {
  return app
      .add_option_function<std::string>(
          flag, [=](const std::string& text) { *ns = DurationOrThrow(flag, text); }, what)
      ->type_name("DURATION");
}

void AddPublishFlags(CLI::App& app, NodeOptions* node, const std::string& name_default) {
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

std::string NodeNameFor(const std::string& prefix, const std::string& topic) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : topic) hash = (hash ^ c) * 0x100000001b3;
  return fmt::format("{}-{:016x}", prefix, hash);
}

}  // namespace smt::cmd
