#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cmd/cli/output.h"
#include "cmd/cli/print_objects.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/recorder.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"
#include "shm/printable.h"

namespace smt::cmd {

std::shared_ptr<LogScope> add_part_flag(CLI::App* verb) {
  auto scope = std::make_shared<LogScope>(LogScope::kRecording);
  verb->add_flag_callback(
      "--part", [=] { *scope = LogScope::kFile; }, "Take this file alone, not all parts of its recording");
  return scope;
}

std::vector<std::string> parts_of(const std::string& path, const LogReader& log) {
  std::vector<std::string> files = log.part_files();
  if (files.empty()) files.push_back(path);
  return files;
}

std::string recording_text(const std::string& path, const LogReader& log) {
  const size_t parts = parts_of(path, log).size();
  if (parts == 1) return printable(path);
  return fmt::format("{} and {} more part{}", printable(path), parts - 1, parts == 2 ? "" : "s");
}

std::string wholeness_text(const LogReader& log) {
  const uint64_t missing = log.parts_left_out();
  if (missing != 0) return fmt::format("{} part{} missing", missing, missing == 1 ? "" : "s");
  return log.complete() ? "complete" : "without its end";
}

void print_record_summary(const RecordSummary& summary, Format format) {
  RecordedTopic sum;
  std::vector<Json> topics;
  std::vector<std::vector<std::string>> rows = {
      {"TOPIC", "SAMPLES", "INITIAL", "MISSED", "OVERFLOWED", "LEFT OUT", "BYTES"}};
  for (const auto& [name, topic] : summary.topics) {
    sum.samples += topic.samples;
    sum.initial += topic.initial;
    sum.missed += topic.missed;
    sum.overflowed += topic.overflowed;
    sum.left_out += topic.left_out;
    sum.bytes += topic.bytes;
    topics.push_back({{"topic", name},
                      {"samples", topic.samples},
                      {"initial", topic.initial},
                      {"missed", topic.missed},
                      {"overflowed", topic.overflowed},
                      {"left_out", topic.left_out},
                      {"bytes", topic.bytes}});
    rows.push_back({name, std::to_string(topic.samples), std::to_string(topic.initial),
                    std::to_string(topic.missed), std::to_string(topic.overflowed),
                    std::to_string(topic.left_out), bytes_text(topic.bytes)});
  }
  if (format == Format::kCsv) {
    print_note(objects_for_output(topics, format));
  } else if (format == Format::kTable) {
    const std::string files = summary.files.size() == 1
                                  ? summary.files[0]
                                  : fmt::format("{} files, {} to {}", summary.files.size(),
                                                summary.files.front(), summary.files.back());
    print_note((topics.empty() ? "" : format_table(rows, {1, 2, 3, 4, 5, 6})) +
               fmt::format("{}: {} topics, {} samples, {} missed, {} overflowed, {} left out, {} initial, {} "
                           "events, {} of values in {} of file, {:.2f} s, at most {:.1f} % of the buffer\n",
                           printable(files), topics.size(), sum.samples, sum.missed, sum.overflowed,
                           sum.left_out, sum.initial, summary.events, bytes_text(sum.bytes),
                           bytes_text(summary.file_bytes), summary.seconds,
                           100 * static_cast<double>(summary.max_buffered_bytes) /
                               static_cast<double>(summary.buffer_bytes)));
  } else {
    print_note(dump({{"files", summary.files},
                     {"topics", topics},
                     {"samples", sum.samples},
                     {"initial", sum.initial},
                     {"missed", sum.missed},
                     {"overflowed", sum.overflowed},
                     {"left_out", sum.left_out},
                     {"events", summary.events},
                     {"bytes", sum.bytes},
                     {"file_bytes", summary.file_bytes},
                     {"buffer_bytes", summary.buffer_bytes},
                     {"max_buffered_bytes", summary.max_buffered_bytes},
                     {"duration_s", summary.seconds}}) +
               "\n");
  }
}

}  // namespace smt::cmd
