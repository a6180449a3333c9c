// smttopic pub: one value from the command line.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "cmd/exit_code.h"
#include "cmd/stop.h"
#include "cmd/tool.h"
#include "cmd/value.h"
#include "cmd/verbs.h"
#include "shm/node.h"
#include "shm/reader.h"

namespace smt::cmd {
namespace {

struct PubOptions {
  std::string topic, type, value;
  double rate_hz = 0;  // 0: once
  uint64_t count = 0;  // 0: one without a rate, else no limit
  NodeOptions node;
};

// kMismatch if another node has the topic with another schema: its readers would not take ours.
Status CheckType(const Domain& domain, const PubOptions& options, const Schema& schema) {
  Result<Reader> reader = Reader::open(domain, options.topic);
  if (!reader.ok()) return reader.status();
  for (const TopicView& view : reader->writers()) {
    if (view.segment->node() == options.node.name) continue;
    Result<Schema> theirs = view.segment->schema(view);
    if (!theirs.ok() || *theirs == schema) continue;
    return Status(Code::kMismatch, fmt::format("topic {} of node {} has type {}, not {}\n{}", options.topic,
                                               view.segment->node(), theirs->type_name, schema.type_name,
                                               SchemaDiff(*theirs, schema)));
  }
  return Status();
}

int Pub(const ToolOptions& tool, PubOptions options) {
  if (Status s = CheckTopicName(options.topic); !s.ok()) return Fail(s);
  Result<Schema> schema = Schema::Parse(options.type);
  if (!schema.ok()) return Fail(schema.status());
  Result<std::vector<std::byte>> value = ParseValue(*schema, options.value);
  if (!value.ok()) return Fail(value.status());
  if (options.node.name.empty()) options.node.name = NodeNameFor("cli", options.topic);
  if (Status s = CheckName("node", options.node.name); !s.ok()) return Fail(s);

  const Stop stop;
  Result<Domain> domain = Domain::open(tool.domain);
  if (!domain.ok()) return Fail(domain.status());
  if (Status s = CheckType(*domain, options, *schema); !s.ok()) return Fail(s);
  Result<std::unique_ptr<Node>> node = Node::open(*domain, options.node);
  if (!node.ok()) return Fail(node.status());
  TopicOptions topic;
  topic.name = options.topic;
  topic.schema = *schema;
  if (schema->size == 0) topic.max_bytes = std::max<size_t>(value->size(), 64);
  Result<Publisher> publisher = (*node)->advertise(topic);
  if (!publisher.ok()) return Fail(publisher.status());

  if (options.rate_hz == 0) options.rate_hz = 1;
  const int64_t start = BoottimeNs();
  for (uint64_t n = 1;; ++n) {
    if (Status s = publisher->publish(*value); !s.ok()) return Fail(s);
    if (n == options.count) return kExitOk;
    if (stop.sleep_until(start + std::llround(static_cast<double>(n) * 1e9 / options.rate_hz)))
      return kExitOk;
  }
}

}  // namespace

void AddPub(CLI::App& app, const ToolOptions& tool, Run* run) {
  CLI::App* verb = app.add_subcommand("pub", "Publish a value; it stays readable afterwards");
  auto options = std::make_shared<PubOptions>();
  verb->add_option("TOPIC", options->topic)->required();
  verb->add_option("TYPE", options->type,
                   "bool i8 u8 ... i64 u64 f32 f64 string bytes, or an array as f64[3]")
      ->required();
  verb->add_option("VALUE", options->value,
                   "JSON: 1.5, [1,2,3], true, '\"text\"', '\"nan\"'; base64 in quotes for bytes")
      ->required();
  CLI::Option* rate =
      verb->add_option("-r,--rate", options->rate_hz, "Publish again and again, so often a second")
          ->check(CLI::Range(1e-6, 1e6))
          ->type_name("HZ");
  verb->add_option("-n,--count", options->count, "End after so many publications, 1 a second without --rate")
      ->check(CLI::PositiveNumber);
  AddPublishFlags(*verb, &options->node, "cli-<hash of the topic>");
  verb->callback([=, &tool] {
    if (rate->count() == 0 && options->count == 0) options->count = 1;
    *run = [=, &tool] { return Pub(tool, *options); };
  });
}

}  // namespace smt::cmd
