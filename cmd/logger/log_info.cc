// smtlogger info: what is in a recording, read from its start to its end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cmd/cli/csv_flags.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/open_log.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

struct Known {
  const LogTopic* topic = nullptr;
  uint64_t samples = 0, initial = 0, missed = 0, bytes = 0;
  int64_t first_ns = 0, last_ns = 0;  // received; of samples, if there are any

  void count(const LogSample& sample) {
    bytes += sample.bytes.size();
    if (sample.initial) {
      ++initial;
      if (samples == 0) first_ns = last_ns = sample.receive_ns;
      return;
    }
    first_ns = samples == 0 ? sample.receive_ns : std::min(first_ns, sample.receive_ns);
    last_ns = samples == 0 ? sample.receive_ns : std::max(last_ns, sample.receive_ns);
    ++samples;
    missed += sample.missed;
  }
  double seconds() const { return (static_cast<double>(last_ns) - static_cast<double>(first_ns)) / 1e9; }
  // Samples a second, of those there are; 0: not to be told.
  double rate_hz() const { return seconds() > 0 ? static_cast<double>(samples - 1) / seconds() : 0; }
};

Json to_json(const Known& known) {
  const LogTopic& topic = *known.topic;
  return {{"topic", topic.name},
          {"type", topic.schema.type_name},
          {"schema_hash", topic.schema.hash()},
          {"size", topic.schema.size},
          {"samples", known.samples},
          {"initial", known.initial},
          {"missed", known.missed},
          {"bytes", known.bytes},
          {"rate_hz", known.rate_hz()},
          {"first_ns", known.first_ns},
          {"last_ns", known.last_ns},
          {"origin", {{"host", topic.host}, {"domain", topic.domain}, {"node", topic.node}}}};
}

// By name and schema: a topic that has changed its schema has a line for each.
using Topics = std::map<std::pair<std::string, uint64_t>, Known>;

// Reads the recording from its start to its end.
Topics read_topics(LogReader* log, Known* all) {
  Topics topics;
  std::map<const LogTopic*, Known*> found;
  const auto find = [&](const LogTopic* topic) {
    Known*& known = found[topic];
    if (known == nullptr) known = &topics[{topic->name, topic->schema.hash()}];
    known->topic = topic;
    return known;
  };
  for (const LogTopic* topic : log->topics()) find(topic);
  for (LogSample sample; log->next(&sample);) {
    find(sample.topic)->count(sample);
    all->count(sample);
  }
  return topics;
}

void print_info(const ToolOptions& tool, const std::string& path, const LogReader& log, const Topics& topics,
                const Known& all) {
  std::vector<Json> objects;
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "TYPE", "SAMPLES", "INITIAL", "HZ", "MISSED", "BYTES"}};
  for (const auto& [key, known] : topics) {
    objects.push_back(to_json(known));
    rows.push_back({known.topic->name, known.topic->schema.type_name, std::to_string(known.samples),
                    std::to_string(known.initial), fmt::format("{:.2f}", known.rate_hz()),
                    std::to_string(known.missed), bytes_text(known.bytes)});
  }
  if (tool.format == Format::kCsv) {
    print_objects(objects, tool.format);
  } else if (tool.format == Format::kTable) {
    print_text(
        (objects.empty() ? "" : format_table(rows, {2, 3, 4, 5, 6})) +
        fmt::format("{}: {}, {} topics, {} samples, {} missed, {} initial, {} of values, {:.2f} s from {}\n",
                    recording_text(path, log), wholeness_text(log), topics.size(), all.samples, all.missed,
                    all.initial, bytes_text(all.bytes), all.seconds(), time_text(all.first_ns)));
  } else {
    print_text(dump({{"file", path},
                     {"recording", log.part().recording},
                     {"parts", parts_of(path, log)},
                     {"complete", log.complete()},
                     {"samples", all.samples},
                     {"initial", all.initial},
                     {"missed", all.missed},
                     {"bytes", all.bytes},
                     {"first_ns", all.first_ns},
                     {"last_ns", all.last_ns},
                     {"parts_left_out", log.parts_left_out()},
                     {"topics_left_out", log.topics_left_out()},
                     {"samples_left_out", log.samples_left_out()},
                     {"bytes_left_out", log.bytes_left_out()},
                     {"topics", objects}}) +
               "\n");
  }
}

int info_of_log(const ToolOptions& tool, const std::string& path, LogScope scope, const CsvOptions& csv) {
  Result<std::unique_ptr<LogReader>> opened = open_log(path, tool_log(), scope, csv);
  if (!opened.ok()) return fail(opened.status());
  LogReader& log = **opened;
  Known all;
  const Topics topics = read_topics(&log, &all);
  print_info(tool, path, log, topics, all);
  for (const std::string& problem : log.problems()) spdlog::warn("{}: {}", path, problem);
  const uint64_t left_out =
      log.parts_left_out() + log.topics_left_out() + log.samples_left_out() + log.bytes_left_out();
  if (log.complete() && left_out == 0) return kExitOk;
  return fail(
      kExitFailure,
      fmt::format(
          "{} is not whole: {}, {} parts are missing, {} topics, {} samples and {} bytes cannot be used",
          path, log.complete() ? "it has its end" : "its end is missing", log.parts_left_out(),
          log.topics_left_out(), log.samples_left_out(), log.bytes_left_out()));
}

}  // namespace

void add_log_info(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto path = std::make_shared<std::string>();
  auto csv = std::make_shared<CsvOptions>();
  verb->add_option("FILE", *path, "Recording, CSV file, or folder of them")->required();
  auto scope = add_part_flag(verb);
  add_csv_flags(*verb, csv.get());
  verb->callback([=, &tool] { *run = [=, &tool] { return info_of_log(tool, *path, *scope, *csv); }; });
}

}  // namespace smt::cmd
