#include "cmd/options.h"

#include <fmt/format.h>

#include <map>

#include "cmd/text.h"

namespace smt::cmd {
namespace {

const std::map<std::string, Format> kFormats = {
    {"table", Format::kTable}, {"json", Format::kJson}, {"jsonl", Format::kJsonl}, {"csv", Format::kCsv}};

int64_t DurationOrThrow(const std::string& flag, const std::string& text) {
  Result<int64_t> ns = ParseDuration(text);
  if (!ns.ok()) throw CLI::ValidationError(flag, ns.status().message());
  return *ns;
}

}  // namespace

void AddCommonFlags(CLI::App& app, ToolOptions* tool) {
  tool->domain = DomainOptions::FromEnvironment();
  app.add_option("--domain", tool->domain.domain, "Name of the domain [SMT_DOMAIN or default]");
  app.add_option("--root", tool->domain.root, "Folder that holds the domains [SMT_ROOT or /dev/shm/smt]");
  app.add_option("--group", tool->domain.group,
                 "Unix group that shares the domain; without one only this user has it [SMT_GROUP]");
  AddLogFlags(app, tool);
}

void AddLogFlags(CLI::App& app, ToolOptions* tool) {
  app.add_option("--log", tool->log, "Least level of what is logged on stderr [SMT_LOG or info]")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->envname("SMT_LOG");
  AddVersionFlag(app);
}

void AddVersionFlag(CLI::App& app) {
  app.set_version_flag("--version", std::string("smtrelay ") + SMT_VERSION);
}

void AddFormatFlag(CLI::App& app, ToolOptions* tool) {
  app.add_option_function<std::string>(
         "-f,--format", [tool](const std::string& name) { tool->format = kFormats.at(name); },
         "table, json, jsonl or csv [SMT_FORMAT or table]")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv"}))
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
  app.add_option("--node", node->name, "Name of the publishing node [" + name_default + "]");
  app.add_option("--segment-size", node->segment_bytes,
                 "Virtual size of the node's segment, as 64M or 2G [the one that is there, else 1G]")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  app.add_flag("--remove-on-exit", node->remove_on_exit,
               "Remove the topics at the end; else their last values stay");
}

std::string NodeNameFor(const std::string& prefix, const std::string& topic) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : topic) hash = (hash ^ c) * 0x100000001b3;
  return fmt::format("{}-{:016x}", prefix, hash);
}

}  // namespace smt::cmd
