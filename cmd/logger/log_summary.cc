#include <fmt/format.h>

#include "cmd/cli/output.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/recorder.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

void print_record_summary(const RecordSummary& summary, Format format) {
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
                    std::to_string(topic.left_out), bytes_text(topic.bytes)});
  }
  if (format == Format::kCsv) {
    print_note(objects_text(topics, format));
  } else if (format == Format::kTable) {
    const std::string files = summary.files.size() == 1
                                  ? summary.files[0]
                                  : fmt::format("{} files, {} to {}", summary.files.size(),
                                                summary.files.front(), summary.files.back());
    print_note(
        (topics.empty() ? "" : format_table(rows, {1, 2, 3, 4})) +
        fmt::format(
            "{}: {} topics, {} samples, {} missed, {} left out, {} events, {} of values in {} of file, "
            "{:.2f} s\n",
            printable(files), topics.size(), sum.samples, sum.missed, sum.left_out, summary.events,
            bytes_text(sum.bytes), bytes_text(summary.file_bytes), summary.seconds));
  } else {
    print_note(dump({{"files", summary.files},
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
