#include "cmd/cli/topic_table.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cmd/cli/print_objects.h"
#include "cmd/cli/topic_tree.h"
#include "cmd/text/columns.h"
#include "cmd/text/text.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {
namespace {

using Cells = std::vector<std::string>;

constexpr size_t kTypeColumn = 1, kWriterColumn = 4;
constexpr size_t kLeastWidth = 6;  // of a column that is shortened

std::string SizeText(const TopicInfo& topic) {
  return topic.schema.size == 0 ? "<= " + BytesText(topic.max_bytes) : BytesText(topic.max_bytes);
}

Cells TopicRow(const TopicLine& line, bool more) {
  if (line.topic == nullptr) return {line.label};
  const TopicInfo& t = *line.topic;
  const Freshness& f = t.freshness;
  Cells row = {line.label, t.schema.type_name, SizeText(t), t.sequence == 0 ? "-" : AgeText(f.age_ns),
               WriterText(t)};
  if (more) {
    row.insert(row.end(),
               {fmt::format("{}", t.history), fmt::format("{}", t.sequence), fmt::format("{}", f.hops),
                fmt::format("{}/{}/{}", f.origin.host, f.origin.domain, f.origin.node)});
  }
  row.emplace_back();
  return row;
}

size_t Widest(const std::vector<Cells>& rows, size_t column) {
  size_t widest = 0;
  for (const Cells& row : rows) widest = std::max(widest, column < row.size() ? TextWidth(row[column]) : 0);
  return widest;
}

// Columns of the terminal that stdout is; 0: it is none, or does not say.
size_t TerminalWidth() {
  winsize size{};
  return IsTerminal(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Shortens the writers, then the types, so that each line has `width` columns at most, as far as that goes.
void Fit(size_t width, size_t state_width, std::vector<Cells>* rows) {
  size_t needed = state_width;
  for (size_t column = 0; column + 1 < rows->front().size(); ++column) needed += Widest(*rows, column) + 2;
  for (const size_t column : {kWriterColumn, kTypeColumn}) {
    if (needed <= width) return;
    const size_t now = Widest(*rows, column);
    const size_t to = std::max(kLeastWidth, now - std::min(now, needed - width));
    if (to >= now) continue;
    for (Cells& row : *rows) {
      if (column < row.size()) row[column] = Shortened(row[column], to);
    }
    needed -= now - to;
  }
}

// The state stands in the last column, and colour would spoil the widths: it is put in afterwards.
std::string ListTable(const std::vector<TopicLine>& lines, bool more) {
  std::vector<Cells> rows = {{"NAME", "TYPE", "SIZE", "AGE", "WRITER", "STATE"}};
  std::vector<size_t> right = {2, 3};
  if (more) {
    rows[0].insert(rows[0].end() - 1, {"HISTORY", "SEQUENCE", "HOPS", "ORIGIN"});
    right.insert(right.end(), {5, 6, 7});
  }
  size_t state_width = rows[0].back().size();
  for (const TopicLine& line : lines) {
    rows.push_back(TopicRow(line, more));
    if (line.topic != nullptr)
      state_width = std::max(state_width, StateName(line.topic->freshness.state).size());
  }
  if (const size_t width = TerminalWidth(); width != 0) Fit(width, state_width, &rows);
  const bool colour = ColourOn(STDOUT_FILENO);
  const std::string table = FormatTable(rows, right);
  std::string out;
  size_t begin = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t end = table.find('\n', begin);
    out += table.substr(begin, end - begin);
    const TopicInfo* topic = row == 0 ? nullptr : lines[row - 1].topic;
    if (topic != nullptr) out += StateText(topic->freshness.state, colour);
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

bool PrintTopics(const std::vector<TopicInfo>& topics, Format format, const TopicTable& table) {
  if (format == Format::kTable) {
    std::vector<TopicLine> lines;
    for (const TopicInfo& t : topics) lines.push_back({t.name, &t});
    return Print(ListTable(table.tree ? TreeLines(topics) : lines, table.more));
  }
  std::vector<Json> objects;
  for (const TopicInfo& t : topics) objects.push_back(TopicJson(t));
  return PrintObjects(objects, format);
}

}  // namespace smt::cmd
