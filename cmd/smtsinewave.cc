// smtsinewave: topics that move, to try things with.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/text/beat.h"
#include "cmd/wave/signal.h"
#include "shm/node.h"

namespace smt::cmd {
namespace {

struct SineOptions {
  std::vector<std::string> names;
  std::string shape = "sine", type = "f64", field;
  Signal signal;
  double rate_hz = 100;
  uint32_t topics = 0;  // below each name; 0: the name itself
  uint32_t history = 4;
  uint64_t count = 0;  // 0: no limit
  std::optional<int64_t> duration_ns;
  int64_t max_age_ns = 0;
  NodeOptions node;
  OnLost on_lost = OnLost::kRemake;
};

// The topics of one process, all with samples of the same instants.
class Source {
 public:
  static Result<Source> open(const Domain& domain, const SineOptions& options, const Schema& schema) {
    Result<std::unique_ptr<Node>> node = Node::open(domain, options.node);
    if (!node.ok()) return node.status();
    Source source(options.signal, schema, std::move(*node));
    for (const std::string& name : options.names) {
      for (uint32_t i = 0; i < std::max(options.topics, 1u); ++i) {
        TopicOptions topic;
        topic.name = options.topics == 0 ? name : fmt::format("{}/{}", name, i);
        topic.schema = schema;
        topic.history = options.history;
        topic.max_age_ns = options.max_age_ns;
        Result<Publisher> publisher = source.node_->advertise(topic);
        if (!publisher.ok()) return publisher.status();
        source.publishers_.push_back(std::move(*publisher));
      }
    }
    return source;
  }

  // The sample of that time since the start, on each topic.
  Status publish(double seconds) {
    const int64_t now = boottime_ns();
    const SampleHead head{0, realtime_ns(), now, now};
    Burst burst;
    for (size_t i = 0; i < publishers_.size(); ++i) {
      // Only the noise of each topic is another one.
      if (i == 0 || signal_.shape == Shape::kNoise)
        fill_value(signal_, seconds, i * schema_.fields[0].count, schema_, value_);
      if (Status s = burst.publish(publishers_[i], value_, head); !s.ok()) return s;
    }
    return Status();
  }
  Node* node() { return node_.get(); }

 private:
  Source(const Signal& signal, const Schema& schema, std::unique_ptr<Node> node)
      : signal_(signal), schema_(schema), value_(schema.size), node_(std::move(node)) {}

  Signal signal_;
  Schema schema_;
  std::vector<std::byte> value_;
  std::unique_ptr<Node> node_;
  std::vector<Publisher> publishers_;
};

Result<Schema> schema_for(const SineOptions& options) {
  Result<Schema> schema = Schema::parse(options.type);
  if (!schema.ok()) return schema.status();
  if (Status s = check_signal_schema(*schema); !s.ok()) return s;
  if (options.field.empty()) return schema;
  schema->type_name = "signal";
  schema->fields[0].name = options.field;
  if (Status s = schema->check(); !s.ok()) return s;
  return schema;
}

// Within these bounds a value of the signal is finite.
void add_signal_flags(CLI::App& app, Signal* signal) {
  constexpr double kMaxValue = 1e300, kMaxHertz = 1e9, kMaxTurns = 1e9;
  add_number(app, "--amplitude", &signal->amplitude, -kMaxValue, kMaxValue, "[1]");
  add_number(app, "--frequency", &signal->frequency_hz, 0.0, kMaxHertz,
             "Of the wave, of a chirp at its beginning [1]")
      ->type_name("HZ");
  add_number(app, "--offset", &signal->offset, -kMaxValue, kMaxValue, "[0]");
  add_number(app, "--phase", &signal->phase_turns, -kMaxTurns, kMaxTurns,
             "Part of a period by which it is ahead: 0.25 of a sine is a cosine [0]");
  add_number(app, "--end-frequency", &signal->end_frequency_hz, 0.0, kMaxHertz, "Of a chirp at its end [10]")
      ->type_name("HZ");
  add_number(app, "--sweep", &signal->sweep_s, 1e-6, 1e9, "Seconds of a chirp, which then begins anew [10]")
      ->type_name("SECONDS");
  add_number<uint64_t>(app, "--seed", &signal->seed, 0, std::numeric_limits<uint64_t>::max(),
                       "Of noise; another one for another noise [0]");
}

int sine(const ToolOptions& tool, SineOptions options) {
  Result<Shape> shape = shape_named(options.shape);
  if (!shape.ok()) return fail(shape.status());
  options.signal.shape = *shape;
  Result<Schema> schema = schema_for(options);
  if (!schema.ok()) return fail(schema.status());
  const Stop stop;
  write_in_background();
  Result<Domain> domain = open_to_publish(tool.domain);
  if (!domain.ok()) return fail(domain.status());
  if (options.node.name.empty()) options.node.name = node_name_for("sinewave", options.names[0]);
  Result<Source> source = Source::open(*domain, options, *schema);
  if (!source.ok()) return fail(source.status());

  LossWatch losses(*domain, tool_log(), options.on_lost);
  losses.add(source->node());
  const int64_t start = boottime_ns(), end = deadline_after(options.duration_ns);
  const Beat beat(options.rate_hz, start);
  uint64_t published = 0;
  for (uint64_t n = 0;;) {  // sample n belongs to the time n / rate, whenever it is published
    if (Status s = source->publish(static_cast<double>(n) / options.rate_hz); !s.ok()) return fail(s);
    if (++published == options.count) break;
    n = beat.after(n, boottime_ns());
    if (losses.sleep_until(std::min(end, beat.due_ns(n)), stop.fd()) || boottime_ns() >= end) break;
  }
  return exit_code_after(losses.failure());
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtsinewave_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Publish a sine wave, or another signal, until SIGINT", "smtsinewave");
  ToolOptions tool;
  SineOptions options;
  app.add_option("TOPIC", options.names, "Topics; all have samples of the same instants")->required();
  app.add_option("--signal", options.shape,
                 "sine, square, ramp, triangle, noise, chirp or constant, which is the offset [sine]")
      ->type_name("SHAPE");
  add_signal_flags(app, &options.signal);
  add_number(app, "--rate", &options.rate_hz, 1e-6, 1e6, "Samples a second [100]")->type_name("HZ");
  app.add_option(
      "--type", options.type,
      "f64, f32, i8 ... i64 or u8 ... u64, or an array as f64[8], whose element i of 8 is i/8 of a period "
      "ahead [f64]");
  app.add_option("--field", options.field, "Publish a struct whose one field has this name")
      ->type_name("NAME");
  add_number<uint32_t>(app, "--topics", &options.topics, 1, 1'000'000,
                       "So many topics TOPIC/0, TOPIC/1, ... in place of each TOPIC");
  add_history(app, &options.history);
  add_duration(app, "--max-age", &options.max_age_ns, "A sample older than this is stale [never]");
  add_count(app, &options.count, "End after so many samples of each topic");
  add_duration(app, "--duration", &options.duration_ns, "End after so long");
  add_publish_flags(app, &options.node, "sinewave-<hash of the first topic>");
  add_on_lost(app, &options.on_lost);
  add_common_flags(app, &tool);
  return run_tool(app, argc, argv, tool, [&] { return sine(tool, options); });
}
