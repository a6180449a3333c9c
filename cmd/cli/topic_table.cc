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
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using Cells = std::vector<std::string>;

constexpr size_t kTypeColumn = 1, kWriterColumn = 4;
constexpr size_t kMinWidth = 6;         // of a column that is shortened
constexpr size_t kMaxWriterNames = 40;  // columns of the writers that are named

std::string size_text(const TopicInfo& topic) {
  return topic.schema.size == 0 ? "<= " + bytes_text(topic.max_bytes) : bytes_text(topic.max_bytes);
}

// Printable before it is shortened: only then its width is known.
Cells topic_row(const TopicLine& line, bool more) {
  if (line.topic == nullptr) return {line.label};
  const TopicInfo& t = *line.topic;
  const Freshness& f = t.freshness;
  Cells row = {line.label, printable(t.schema.type_name), size_text(t),
               t.sequence == 0 ? "-" : age_text(f.age_ns), writer_cell(t)};
  if (more) {
    row.insert(row.end(),
               {fmt::format("{}", t.history), fmt::format("{}", t.sequence), fmt::format("{}", f.hops),
                fmt::format("{}/{}/{}", f.origin.host, f.origin.domain, f.origin.node)});
  }
  row.emplace_back();
  return row;
}

size_t widest(const std::vector<Cells>& rows, size_t column) {
  size_t widest = 0;
  for (const Cells& row : rows) widest = std::max(widest, column < row.size() ? text_width(row[column]) : 0);
  return widest;
}

// Columns of the terminal that stdout is; 0: it is none, or does not say.
size_t terminal_width() {
  winsize size{};
  return is_terminal(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Shortens the writers, then the types, so that each line has `width` columns at most, as far as that goes.
void fit(size_t width, size_t state_width, std::vector<Cells>* rows) {
  size_t needed = state_width;
  for (size_t column = 0; column + 1 < rows->front().size(); ++column) needed += widest(*rows, column) + 2;
  for (const size_t column : {kWriterColumn, kTypeColumn}) {
    if (needed <= width) return;
    const size_t now = widest(*rows, column);
    const size_t to = std::max(kMinWidth, now - std::min(now, needed - width));
    if (to >= now) continue;
    for (Cells& row : *rows) {
      if (column < row.size()) row[column] = shorten(row[column], to);
    }
    needed -= now - to;
  }
}

std::string life_of(const TopicWriterInfo& writer) {
  return writer.live ? fmt::format(" (pid {})", writer.pid) : " (gone)";
}

std::string origin_text(const TopicInfo& topic) {
  return printable(topic.freshness.origin.node + "@" + topic.freshness.origin.host);
}

// The state stands in the last column, and colour would spoil the widths: it is put in afterwards.
std::string list_table(const std::vector<TopicLine>& lines, bool more) {
  std::vector<Cells> rows = {{"NAME", "TYPE", "SIZE", "AGE", "WRITER", "STATE"}};
  std::vector<size_t> right = {2, 3};
  if (more) {
    rows[0].insert(rows[0].end() - 1, {"HISTORY", "SEQUENCE", "HOPS", "ORIGIN"});
    right.insert(right.end(), {5, 6, 7});
  }
  size_t state_width = rows[0].back().size();
  for (const TopicLine& line : lines) {
    rows.push_back(topic_row(line, more));
    if (line.topic != nullptr)
      state_width = std::max(state_width, state_name(line.topic->freshness.state).size());
  }
  if (const size_t width = terminal_width(); width != 0) fit(width, state_width, &rows);
  const bool colour = colour_on(STDOUT_FILENO);
  const std::string table = format_table(rows, right);
  std::string out;
  size_t begin = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t end = table.find('\n', begin);
    out += table.substr(begin, end - begin);
    const TopicInfo* topic = row == 0 ? nullptr : lines[row - 1].topic;
    if (topic != nullptr) out += state_text(topic->freshness.state, colour);
    out += '\n';
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string writer_text(const TopicInfo& topic) {
  if (topic.writers.empty()) return origin_text(topic);
  std::string out;
  for (const TopicWriterInfo& w : topic.writers) out += (out.empty() ? "" : ", ") + w.node + life_of(w);
  return out;
}

std::string writer_cell(const TopicInfo& topic) {
  if (topic.writers.empty()) return shorten(origin_text(topic), kMaxWriterNames);
  std::vector<TopicWriterInfo> writers = topic.writers;
  std::stable_partition(writers.begin(), writers.end(), [](const TopicWriterInfo& w) { return w.live; });
  std::string out =
      shorten(writers[0].node, kMaxWriterNames - life_of(writers[0]).size()) + life_of(writers[0]);
  size_t named = 1;
  for (; named < writers.size() && writers[named].live == writers[0].live; ++named) {
    const std::string next = ", " + writers[named].node + life_of(writers[named]);
    if (text_width(out) + next.size() > kMaxWriterNames) break;
    out += next;
  }
  if (named == writers.size()) return out;
  return fmt::format("{} +{}{}", out, writers.size() - named, writers[named].live ? "" : " gone");
}

bool print_topics(const std::vector<TopicInfo>& topics, Format format, const TopicTable& table) {
  if (format == Format::kTable) {
    std::vector<TopicLine> lines;
    for (const TopicInfo& t : topics) lines.push_back({t.name, &t});
    return print_text(list_table(table.tree ? tree_lines(topics) : lines, table.more));
  }
  std::vector<Json> objects;
  for (const TopicInfo& t : topics) objects.push_back(topic_json(t));
  return print_objects(objects, format);
}

}  // namespace smt::cmd
