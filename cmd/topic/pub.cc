// smttopic pub: one value from the command line, or many from a file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/text/beat.h"
#include "cmd/topic/pub_lines.h"
#include "cmd/topic/pub_topics.h"
#include "cmd/topic/topic_verbs.h"
#include "cmd/value/value.h"

namespace smt::cmd {
namespace {

struct PubOptions {
  std::string topic, type, value, from;
  double rate_hz = 0;
  uint64_t count = 0;  // 0: no limit
  bool strict = false;
  NodeOptions node;
  OnLost on_lost = OnLost::kRemake;
};

// Without TYPE the second word is the value.
Status sort_words(PubOptions* options) {
  if (!options->from.empty()) {
    if (options->value.empty()) return Status();
    return Status(Code::kInvalid, "the values come from --from, so there is no VALUE");
  }
  if (options->topic.empty())
    return Status(Code::kInvalid, "TOPIC is required, or --from; see smttopic pub --help");
  if (options->value.empty()) std::swap(options->type, options->value);
  const bool forgotten = options->type.empty() && Schema::parse(options->value).ok();
  if (!options->value.empty() && !forgotten) return Status();
  return Status(Code::kInvalid, "VALUE is required; see smttopic pub --help");
}

int pub_value(PubTopics* topics, const PubOptions& options, const Stop& stop) {
  Result<Schema> schema = topics->schema(options.topic, options.type);
  if (!schema.ok()) return fail_topic(schema.status());
  Result<std::vector<std::byte>> value = parse_value(*schema, options.value);
  if (!value.ok()) return fail(value.status());
  const Beat beat(options.rate_hz, boottime_ns());
  uint64_t turn = 0;
  for (uint64_t published = 0;
       published == 0 || !topics->losses().sleep_until(beat.due_ns(turn), stop.fd());) {
    if (Status s = topics->publish(options.topic, *schema, *value); !s.ok()) return fail(s);
    if (++published == options.count) break;
    turn = beat.after(turn, boottime_ns());
  }
  return exit_code_after(topics->losses().failure());
}

int run_pub(const ToolOptions& tool, PubOptions options) {
  if (Status s = sort_words(&options); !s.ok()) return fail(s);
  if (!options.topic.empty()) {
    if (Status s = check_topic_name(options.topic); !s.ok()) return fail(s);
  }
  if (!options.node.name.empty()) {
    if (Status s = check_name("node", options.node.name); !s.ok()) return fail(s);
  }
  if (!options.type.empty()) {  // before the domain is made
    Result<Schema> schema = Schema::parse(options.type);
    if (!schema.ok()) return fail(schema.status());
    if (options.from.empty()) {
      if (Result<std::vector<std::byte>> value = parse_value(*schema, options.value); !value.ok())
        return fail(value.status());
    }
  }
  const Stop stop;
  write_in_background();
  Result<Domain> domain = open_to_publish(tool.domain);
  if (!domain.ok()) return fail(domain.status());
  PubTopics topics(*domain, options.node, LossWatch(*domain, tool_log(), options.on_lost));
  if (options.from.empty()) return pub_value(&topics, options, stop);
  const Result<uint64_t> bad = pub_lines(
      &topics, {options.from, options.topic, options.type, options.rate_hz, options.count, options.strict},
      stop);
  if (!bad.ok()) return fail(bad.status());
  return *bad == 0 ? kExitOk : kExitFailure;
}

}  // namespace

void add_pub(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto options = std::make_shared<PubOptions>();
  verb->add_option("TOPIC", options->topic, "With --from: for all lines, whatever topics they name");
  verb->add_option(
      "TYPE", options->type,
      "bool i8 u8 ... i64 u64 f32 f64 string bytes, or an array as f64[3]; left out: that of the topic, "
      "which may be a struct");
  verb->add_option(
      "VALUE", options->value,
      "JSON: 1.5, [1,2,3], true, '\"text\"', '\"nan\"', '{\"x\":1,\"y\":2}'; base64 in quotes for bytes");
  // pub prints no data, so -f is free here, and is what it is for other tools that take a file.
  CLI::Option* from =
      verb->add_option(
              "-f,--from", options->from,
              "Publish the lines of a file, as smttopic echo -f jsonl prints them, each to its topic; - "
              "is stdin. Types are those of the topics that are there, else inferred from the first "
              "value. A bad line is told and left out; exit code 1 if there was one")
          ->type_name("FILE");
  verb->add_flag("--strict", options->strict, "End at the first bad line of --from")->needs(from);
  CLI::Option* rate = add_number(*verb, "-r,--rate", &options->rate_hz, 1e-6, 1e6,
                                 "Publish the value again and again, or the lines, so often a second")
                          ->type_name("HZ");
  add_count(*verb, &options->count, "End after so many publications, of a value 1 a second without --rate");
  add_publish_flags(*verb, &options->node, "cli-<hash of the topic>, one for each");
  add_on_lost(*verb, &options->on_lost);
  verb->callback([=, &tool] {
    if (options->from.empty()) {
      if (rate->count() == 0 && options->count == 0) options->count = 1;
      if (rate->count() == 0) options->rate_hz = 1;
    }
    *run = [=, &tool] { return run_pub(tool, *options); };
  });
}

}  // namespace smt::cmd
