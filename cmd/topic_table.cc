#include "cmd/topic_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cmd/text.h"
#include "cmd/topic_json.h"

namespace smt::cmd {
namespace {

std::string SizeText(const TopicInfo& topic) {
  return topic.schema.size == 0 ? "<= " + BytesText(topic.max_bytes) : BytesText(topic.max_bytes);
}

// The state stands in the last but one column, and colour would spoil the widths: it is put in afterwards.
std::string ListTable(const std::vector<TopicInfo>& topics) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "TYPE", "SIZE", "AGE", "WRITER", "STATE"}};
  const bool colour = ColourOn(STDOUT_FILENO);
  for (const TopicInfo& t : topics) {
    const std::string age = t.sequence == 0 ? "-" : AgeText(t.freshness.age_ns);
    rows.push_back({t.name, t.schema.type_name, SizeText(t), age, WriterText(t), ""});
  }
  const std::string table = FormatTable(rows, {2, 3});
  std::string out;
  size_t begin = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t end = table.find('\n', begin);
    out += table.substr(begin, end - begin);
    out += row == 0 ? "" : StateText(topics[row - 1].freshness.state, colour);
    out += '\n';
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string WriterText(const TopicInfo& topic) {
  const TopicOrigin& origin = topic.freshness.origin;
  if (topic.writers.empty()) return origin.node + "@" + origin.host;
  std::string out;
  for (const TopicWriterInfo& w : topic.writers) {
    if (!out.empty()) out += ", ";
    out += w.live ? fmt::format("{} (pid {})", w.node, w.pid) : fmt::format("{} (gone)", w.node);
  }
  return out;
}

bool PrintTopics(const std::vector<TopicInfo>& topics, Format format) {
  if (format == Format::kTable) return Print(ListTable(topics));
  std::vector<Json> objects;
  for (const TopicInfo& t : topics) objects.push_back(TopicJson(t));
  return PrintObjects(objects, format);
}

}  // namespace smt::cmd
