// smtsinewave: a topic that moves, to try things with.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "cmd/exit_code.h"
#include "cmd/stop.h"
#include "cmd/tool.h"
#include "shm/node.h"

namespace smt::cmd {
namespace {

struct SineOptions {
  std::string topic, type = "f64";
  double amplitude = 1, frequency_hz = 1, offset = 0, rate_hz = 100;
  uint32_t history = 4;
  uint64_t count = 0;  // 0: no limit
  std::optional<int64_t> duration_ns;
  int64_t max_age_ns = 0;
  NodeOptions node;
};

// Rounded to the nearest integer of the type where it is one, and kept inside its range.
template <class T>
void Store(double value, std::byte* to) {
  T out;
  if constexpr (std::is_floating_point_v<T>) {
    out = static_cast<T>(value);
  } else if (value >= static_cast<double>(std::numeric_limits<T>::max())) {
    out = std::numeric_limits<T>::max();
  } else if (value <= static_cast<double>(std::numeric_limits<T>::min())) {
    out = std::numeric_limits<T>::min();
  } else {
    out = static_cast<T>(std::round(value));
  }
  memcpy(to, &out, sizeof out);
}

// Null for a type that is no number.
void (*StoreAs(Type type))(double, std::byte*) {
  switch (type) {
    case Type::kI8:
      return Store<int8_t>;
    case Type::kU8:
      return Store<uint8_t>;
    case Type::kI16:
      return Store<int16_t>;
    case Type::kU16:
      return Store<uint16_t>;
    case Type::kI32:
      return Store<int32_t>;
    case Type::kU32:
      return Store<uint32_t>;
    case Type::kI64:
      return Store<int64_t>;
    case Type::kU64:
      return Store<uint64_t>;
    case Type::kF32:
      return Store<float>;
    case Type::kF64:
      return Store<double>;
    case Type::kBool:
    case Type::kChar:
      break;
  }
  return nullptr;
}

int Sine(const ToolOptions& tool, SineOptions options) {
  Type type = Type::kF64;
  if (!TypeFromName(options.type, &type) || StoreAs(type) == nullptr) {
    return Fail(kExitUsage,
                fmt::format("type {} is no number; use f64, f32, i8 ... i64 or u8 ... u64", options.type));
  }
  const Stop stop;
  Result<Domain> domain = Domain::open(tool.domain);
  if (!domain.ok()) return Fail(domain.status());
  if (options.node.name.empty()) options.node.name = NodeNameFor("sinewave", options.topic);
  Result<std::unique_ptr<Node>> node = Node::open(*domain, options.node);
  if (!node.ok()) return Fail(node.status());
  TopicOptions topic;
  topic.name = options.topic;
  topic.schema = Schema::Scalar(type);
  topic.history = options.history;
  topic.max_age_ns = options.max_age_ns;
  Result<Publisher> publisher = (*node)->advertise(topic);
  if (!publisher.ok()) return Fail(publisher.status());

  std::byte value[8];
  const std::span<const std::byte> bytes(value, TypeBytes(type));
  const int64_t start = BoottimeNs(), end = DeadlineAfter(options.duration_ns);
  const double period_ns = 1e9 / options.rate_hz;
  uint64_t published = 0;
  for (uint64_t n = 0;;) {  // sample n belongs to the time n / rate, whenever it is published
    const double turns = std::fmod(static_cast<double>(n) / options.rate_hz * options.frequency_hz, 1);
    StoreAs(type)(options.offset + options.amplitude * std::sin(2 * std::numbers::pi * turns), value);
    if (Status s = publisher->publish(bytes); !s.ok()) return Fail(s);
    if (++published == options.count) break;
    // After a stall the samples that were due meanwhile are left out, not made up for.
    const double past = static_cast<double>(BoottimeNs() - start) / period_ns;
    n = std::max(n + 1, static_cast<uint64_t>(past));
    const int64_t due = start + std::llround(static_cast<double>(n) * period_ns);
    if (stop.sleep_until(std::min(end, due)) || BoottimeNs() >= end) break;
  }
  return kExitOk;
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Publish a sine wave until SIGINT", "smtsinewave");
  ToolOptions tool;
  SineOptions options;
  app.add_option("TOPIC", options.topic)->required();
  app.add_option("--amplitude", options.amplitude, "[1]");
  app.add_option("--frequency", options.frequency_hz, "Of the wave [1]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("HZ");
  app.add_option("--offset", options.offset, "[0]");
  app.add_option("--rate", options.rate_hz, "Samples a second [100]")
      ->check(CLI::Range(1e-6, 1e6))
      ->type_name("HZ");
  app.add_option("--type", options.type, "f64, f32, i8 ... i64 or u8 ... u64 [f64]");
  app.add_option("--history", options.history, "Samples kept for readers that come late [4]")
      ->check(CLI::PositiveNumber);
  AddDuration(app, "--max-age", &options.max_age_ns, "A sample older than this is stale [never]");
  app.add_option("-n,--count", options.count, "End after so many samples")->check(CLI::PositiveNumber);
  AddDuration(app, "--duration", &options.duration_ns, "End after so long");
  AddPublishFlags(app, &options.node, "sinewave-<hash of the topic>");
  AddCommonFlags(app, &tool);
  return RunTool(app, argc, argv, tool, [&] { return Sine(tool, options); });
}
