// smttopic list, find, rm: what is there, at one glance.
#include "shm/list.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/listing.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/topic_table.h"
#include "cmd/topic/topic_verbs.h"
#include "shm/node.h"

namespace smt::cmd {
namespace {

struct ListOptions {
  std::string pattern = "**", type;
  std::vector<std::string> states;
  TopicTable table;
};

int run_list(const ToolOptions& tool, const ListOptions& options) {
  Result<TopicFilter> filter = TopicFilter::parse(options.pattern, options.type, options.states);
  if (!filter.ok()) return fail(filter.status());
  Result<std::vector<TopicInfo>> topics = listed_topics(tool);
  if (!topics.ok()) return fail(topics.status());
  std::erase_if(*topics, [&](const TopicInfo& t) { return !filter->takes(t); });
  print_topics(*topics, tool.format, options.table);
  return kExitOk;
}

int rm(const ToolOptions& tool, const std::string& name) {
  if (Status s = check_topic_name(name); !s.ok()) return fail(s);
  DomainOptions options = tool.domain;
  options.create = false;
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok()) return fail_topic(domain.status());
  const Status removed = remove_dead_topic(*domain, name);
  return removed.ok() ? kExitOk : fail_topic(removed);
}

// What list and find have in common.
void add_list_flags(CLI::App* verb, ListOptions* options) {
  verb->add_option("--state", options->states,
                   "Only topics in this state: fresh, stale, source-dead, link-down, "
                   "substituted or empty; may be given again")
      ->type_name("STATE")
      ->allow_extra_args(false);
  verb->add_flag("--tree", options->table.tree, "A table by the segments of the names");
  verb->add_flag("-l,--long", options->table.more, "A table with history, sequence, hops and origin too");
}

}  // namespace

void add_list(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto options = std::make_shared<ListOptions>();
  verb->add_option("PATTERN", options->pattern,
                   "Only topics that it names; smt/** is shown only when asked for");
  verb->add_option("--type", options->type, "Only topics whose type's name the pattern matches")
      ->type_name("PATTERN");
  add_list_flags(verb, options.get());
  verb->callback([=, &tool] { *run = [=, &tool] { return run_list(tool, *options); }; });
}

void add_find(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto options = std::make_shared<ListOptions>();
  verb->add_option("TYPE", options->type,
                   "Name of the type, or a pattern that matches it: Pose, 'f64*', '**/Imu'")
      ->required();
  add_list_flags(verb, options.get());
  verb->callback([=, &tool] { *run = [=, &tool] { return run_list(tool, *options); }; });
}

void add_rm(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto name = std::make_shared<std::string>();
  verb->add_option("TOPIC", *name, "One topic")->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return rm(tool, *name); }; });
}

}  // namespace smt::cmd
