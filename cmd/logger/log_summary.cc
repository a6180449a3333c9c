#include <fmt/format.h>

#include "cmd/cli/print_objects.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/recorder.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

void PrintRecordSummary(const RecordSummary& summary, Format format) {
  RecordedTopic sum;
  std::vector<Json> topics;
  std::vector<std::vector<std::string>> rows = {{"TOPIC", "SAMPLES", "MISSED", "LEFT OUT", "BYTES"}};
  for (const auto& [name, topic] : summary.topics) {
    sum.samples += topic.samples;
    sum.missed += topic.missed;
    sum.left_out += topic.left_out;
    sum.bytes += topic.bytes;
    topics.push_back({{"topic", name},
                      {"samples", topic.samples},
                      {"missed", topic.missed},
                      {"left_out", topic.left_out},
                      {"bytes", topic.bytes}});
    rows.push_back({name, std::to_string(topic.samples), std::to_string(topic.missed),
                    std::to_string(topic.left_out), BytesText(topic.bytes)});
  }
  if (format == Format::kCsv) {
    PrintObjects(topics, format);
  } else if (format == Format::kTable) {
    const std::string files = summary.files.size() == 1
                                  ? summary.files[0]
                                  : fmt::format("{} files, {} to {}", summary.files.size(),
                                                summary.files.front(), summary.files.back());
    Print((topics.empty() ? "" : FormatTable(rows, {1, 2, 3, 4})) +
          fmt::format(
              "{}: {} topics, {} samples, {} missed, {} left out, {} events, {} of values in {} of file, "
              "{:.2f} s\n",
              Printable(files), topics.size(), sum.samples, sum.missed, sum.left_out, summary.events,
              BytesText(sum.bytes), BytesText(summary.file_bytes), summary.seconds));
  } else {
    Print(Dump({{"files", summary.files},
                {"topics", topics},
                {"samples", sum.samples},
                {"missed", sum.missed},
                {"left_out", sum.left_out},
                {"events", summary.events},
                {"bytes", sum.bytes},
                {"file_bytes", summary.file_bytes},
                {"duration_s", summary.seconds}}) +
          "\n");
  }
}

}  // namespace smt::cmd
