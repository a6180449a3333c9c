// smttopic list, info, rm: what is there, at one glance.
#include "shm/list.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "cmd/exit_code.h"
#include "cmd/text.h"
#include "cmd/tool.h"
#include "cmd/topic_json.h"
#include "cmd/topic_table.h"
#include "cmd/verbs.h"
#include "relay/pattern.h"
#include "shm/node.h"

namespace smt::cmd {
namespace {

// Warns of each segment that cannot be read. A domain that is not there holds no topics.
Result<std::vector<TopicInfo>> Topics(const ToolOptions& tool) {
  DomainOptions options = tool.domain;
  options.create = false;
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok() && domain.status().code() == Code::kNotFound) {
    spdlog::warn("{}", domain.status().message());
    return std::vector<TopicInfo>();
  }
  if (!domain.ok()) return domain.status();
  Result<DomainListing> listing = ListTopics(*domain);
  if (!listing.ok()) return listing.status();
  for (const std::string& problem : listing->problems) spdlog::warn("{}", problem);
  return std::move(listing->topics);
}

int List(const ToolOptions& tool, const std::string& pattern_text) {
  Result<relay::Pattern> pattern = relay::Pattern::parse(pattern_text);
  if (!pattern.ok()) return Fail(pattern.status());
  Result<std::vector<TopicInfo>> topics = Topics(tool);
  if (!topics.ok()) return Fail(topics.status());
  std::erase_if(*topics, [&](const TopicInfo& t) { return !pattern->matches(t.name); });
  PrintTopics(*topics, tool.format);
  return kExitOk;
}

// "12.3 ms +- 0.4 ms"; "12.3 ms or more" before the clocks of a mirror and its source are compared.
std::string AgeWithError(const TopicInfo& t) {
  const Freshness& f = t.freshness;
  if (t.sequence == 0) return "-";
  if (f.hops == 0 || !f.age_ns) return AgeText(f.age_ns);
  return AgeText(f.age_ns) + (f.age_error_ns ? " +- " + DurationText(*f.age_error_ns) : " or more");
}

void PrintInfo(const TopicInfo& t) {
  const Freshness& f = t.freshness;
  std::string size = BytesText(t.max_bytes) + (t.schema.size == 0 ? " at most, grows" : "");
  std::vector<std::vector<std::string>> rows = {
      {"topic", t.name},
      {"type", t.schema.type_name},
      {"schema hash", fmt::format("{:016x}", t.schema.hash())},
      {"size", size},
      {"history", fmt::format("{} samples", t.history)},
      {"state", std::string(StateName(f.state))},
      {"age", AgeWithError(t)},
      {"maximum age", f.max_age_ns == 0 ? "none" : DurationText(f.max_age_ns)},
      {"stamp", t.sequence == 0 ? "-" : TimeText(t.stamp_ns)},
      {"sequence", fmt::format("{}", t.sequence)},
      {"generation", fmt::format("{}", t.generation)},
      {"hops", fmt::format("{}", f.hops)},
      {"delay", f.hops == 0 ? "-" : AgeText(f.delay_ns) + " from the relay before"},
      {"writers", WriterText(t)},
      {"origin", fmt::format("host {}, domain {}, node {}", f.origin.host, f.origin.domain, f.origin.node)}};
  std::string out = FormatTable(rows);
  if (!t.schema.fields.empty()) {
    rows = {{"FIELD", "TYPE", "OFFSET", "COUNT", "UNIT"}};
    for (const Field& field : t.schema.fields) {
      rows.push_back({field.name, std::string(TypeName(field.type)), fmt::format("{}", field.offset),
                      fmt::format("{}", field.count), field.unit.empty() ? "-" : field.unit});
    }
    out += "\n" + FormatTable(rows, {2, 3});
  }
  Print(out);
}

int Info(const ToolOptions& tool, const std::string& name) {
  if (Status s = CheckTopicName(name); !s.ok()) return Fail(s);
  Result<std::vector<TopicInfo>> topics = Topics(tool);
  if (!topics.ok()) return Fail(topics.status());
  for (const TopicInfo& t : *topics) {
    if (t.name != name) continue;
    if (tool.format == Format::kTable) {
      PrintInfo(t);
    } else if (tool.format == Format::kJson) {
      Print(Dump(TopicJsonWithSchema(t)) + "\n");
    } else {
      PrintObjects({TopicJsonWithSchema(t)}, tool.format);
    }
    return kExitOk;
  }
  return Fail(kExitNoTopic, fmt::format("no topic {} in {}/{}; see smttopic list", name, tool.domain.root,
                                        tool.domain.domain));
}

int Rm(const ToolOptions& tool, const std::string& name) {
  if (Status s = CheckTopicName(name); !s.ok()) return Fail(s);
  DomainOptions options = tool.domain;
  options.create = false;
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok()) return Fail(domain.status());
  const Status removed = RemoveDeadTopic(*domain, name);
  return removed.ok() ? kExitOk : Fail(removed);
}

}  // namespace

void AddList(CLI::App& app, const ToolOptions& tool, Run* run) {
  CLI::App* verb = app.add_subcommand("list", "Show the topics of the domain");
  auto pattern = std::make_shared<std::string>("**");
  verb->add_option("PATTERN", *pattern, "Only topics that it names; smt/** is shown only when asked for");
  verb->callback([=, &tool] { *run = [=, &tool] { return List(tool, *pattern); }; });
}

void AddInfo(CLI::App& app, const ToolOptions& tool, Run* run) {
  CLI::App* verb = app.add_subcommand("info", "Show all that is known of a topic, and its fields");
  auto name = std::make_shared<std::string>();
  verb->add_option("TOPIC", *name)->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return Info(tool, *name); }; });
}

void AddRm(CLI::App& app, const ToolOptions& tool, Run* run) {
  CLI::App* verb = app.add_subcommand("rm", "Remove a topic that nobody publishes any more");
  auto name = std::make_shared<std::string>();
  verb->add_option("TOPIC", *name)->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return Rm(tool, *name); }; });
}

}  // namespace smt::cmd
