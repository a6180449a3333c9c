// smttopic info: all that is known of a topic.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/listing.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/topic_table.h"
#include "cmd/text/text.h"
#include "cmd/topic/topic_verbs.h"
#include "cmd/topic/wire_cost.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {
namespace {

// "12.3 ms +- 0.4 ms"; "12.3 ms or more" before the clocks of a mirror and its source are compared.
std::string age_with_error(const TopicInfo& t) {
  const Freshness& f = t.freshness;
  if (t.sequence == 0) return "-";
  if (f.hops == 0 || !f.age_ns) return age_text(f.age_ns);
  return age_text(f.age_ns) + (f.age_error_ns ? " +- " + duration_text(*f.age_error_ns) : " or more");
}

// "robot, domain default, node arm, over 2 relays".
std::string origin_text(const TopicInfo& t) {
  const TopicOrigin& origin = t.freshness.origin;
  const uint32_t hops = t.freshness.hops;
  const std::string way = hops == 0 ? "" : fmt::format(", over {} relay{}", hops, hops == 1 ? "" : "s");
  return fmt::format("host {}, domain {}, node {}{}", origin.host, origin.domain, origin.node, way);
}

WireCost cost_of(const TopicInfo& t) { return wire_cost_of(t.max_bytes, t.schema.size == 0); }

std::string wire_text(const TopicInfo& t) {
  const WireCost cost = cost_of(t);
  const std::string beside = cost.beside == cost.alone ? "" : fmt::format(", {} beside others", cost.beside);
  return fmt::format("{} bytes a sample in a message of its own{}{}", cost.alone, beside,
                     t.schema.size == 0 ? ", at most" : "");
}

void print_info(const ToolOptions& tool, const TopicInfo& t) {
  const Freshness& f = t.freshness;
  std::string size = bytes_text(t.max_bytes) + (t.schema.size == 0 ? " at most, grows" : "");
  std::vector<std::vector<std::string>> rows = {
      {"topic", t.name},
      {"type", t.schema.type_name},
      {"schema hash", fmt::format("{:016x}", t.schema.hash())},
      {"size", size},
      {"history", fmt::format("{} samples", t.history)},
      {"state", std::string(state_name(f.state))},
      {"age", age_with_error(t)},
      {"maximum age", f.max_age_ns == 0 ? "none" : duration_text(f.max_age_ns)},
      {"stamp", t.sequence == 0 ? "-" : time_text(t.stamp_ns)},
      {"sequence", fmt::format("{}", t.sequence)},
      {"generation", fmt::format("{}", t.generation)},
      {"hops", fmt::format("{}", f.hops)},
      {"delay", f.hops == 0 ? "-" : age_text(f.delay_ns) + " from the relay before"},
      {"writers", writer_text(t)},
      {"origin", origin_text(t)},
      {"wire cost", wire_text(t)}};
  for (const TopicWriterInfo& w : t.writers) {
    rows.push_back({"segment", fmt::format("{}/{}/{}", tool.domain.root, tool.domain.domain, w.node)});
  }
  std::string out = format_table(rows);
  if (!t.schema.fields.empty()) {
    rows = {{"FIELD", "TYPE", "OFFSET", "COUNT", "UNIT"}};
    for (const Field& field : t.schema.fields) {
      rows.push_back({field.name, std::string(name_of(field.type)), fmt::format("{}", field.offset),
                      fmt::format("{}", field.count), field.unit.empty() ? "-" : field.unit});
    }
    out += "\n" + format_table(rows, {2, 3});
  }
  print_text(out);
}

Json info_json(const TopicInfo& t) {
  Json json = topic_json_with_schema(t);
  const WireCost cost = cost_of(t);
  json["wire_bytes"] = {{"alone", cost.alone}, {"beside", cost.beside}};
  return json;
}

int run_info(const ToolOptions& tool, const std::string& name) {
  if (Status s = check_topic_name(name); !s.ok()) return fail(s);
  Result<std::vector<TopicInfo>> topics = listed_topics(tool);
  if (!topics.ok()) return fail(topics.status());
  for (const TopicInfo& t : *topics) {
    if (t.name != name) continue;
    if (tool.format == Format::kTable) {
      print_info(tool, t);
    } else if (tool.format == Format::kJson) {
      print_text(dump(info_json(t)) + "\n");
    } else {
      print_objects({info_json(t)}, tool.format);
    }
    return kExitOk;
  }
  return fail(kExitNoTopic, fmt::format("no topic {} in {}/{}; see smttopic list", name, tool.domain.root,
                                        tool.domain.domain));
}

}  // namespace

void add_info(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto name = std::make_shared<std::string>();
  verb->add_option("TOPIC", *name, "One topic")->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return run_info(tool, *name); }; });
}

}  // namespace smt::cmd
