#include "cmd/top/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <tuple>

#include "cmd/cli/output.h"
#include "cmd/text/columns.h"
#include "cmd/text/text.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr size_t kHeadLines = 3, kFootLines = 1;
constexpr std::string_view kKeys = "n/r/b/a/m/s sort  / filter  v view  space pause  q quit";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string padded(const std::string& text, size_t columns) {
  const std::string shortened = shorten(text, columns);
  return shortened + std::string(columns - std::min(columns, text_width(shortened)), ' ');
}

std::string rate_text(double per_s) {
  if (per_s == 0) return "0";
  return per_s < 9999.5 ? fmt::format("{:.4g}", per_s) : fmt::format("{:.4g}k", per_s / 1000);
}

// How badly a topic fares, the worst last.
int badness(State state) {
  switch (state) {
    case State::kFresh:
      return 0;
    case State::kEmpty:
      return 1;
    case State::kStale:
      return 2;
    case State::kSubstituted:
      return 3;
    case State::kSourceDead:
      return 4;
    case State::kLinkDown:
      return 5;
    case State::kRemoved:
      return 6;
  }
  return 7;
}

// Rates, ages and the like: the greatest first.
bool before(const TopTopic& a, const TopTopic& b, TopSort sort) {
  const auto age = [](const TopTopic& t) { return t.age_ns.value_or(-1); };
  switch (sort) {
    case TopSort::kName:
      break;
    case TopSort::kRate:
      return std::tuple(-a.hz, a.name) < std::tuple(-b.hz, b.name);
    case TopSort::kBytes:
      return std::tuple(-a.bytes_per_s, a.name) < std::tuple(-b.bytes_per_s, b.name);
    case TopSort::kAge:
      return std::tuple(-age(a), a.name) < std::tuple(-age(b), b.name);
    case TopSort::kMissed:
      return std::tuple(~a.missed, a.name) < std::tuple(~b.missed, b.name);
    case TopSort::kState:
      return std::tuple(-badness(a.state), a.name) < std::tuple(-badness(b.state), b.name);
  }
  return a.name < b.name;
}

struct Row {
  std::string text;
  std::optional<State> state;  // stands at the end of the row
};

std::vector<Row> topic_rows(const TopData& data, const TopState& state, size_t columns, std::string* header) {
  const size_t writer = columns > 100 ? 24 : 0;
  // Rate 8, bytes 11, age 9, missed 7, state 12.
  const size_t name = columns > 68 ? columns - 52 - writer : 16;
  const std::string filter = lower(state.filter);
  std::vector<const TopTopic*> shown;
  for (const TopTopic& t : data.topics) {
    if (lower(t.name).find(filter) != std::string::npos) shown.push_back(&t);
  }
  std::sort(shown.begin(), shown.end(), [&](const TopTopic* a, const TopTopic* b) {
    return state.reverse ? before(*b, *a, state.sort) : before(*a, *b, state.sort);
  });
  *header = padded("TOPIC", name) +
            fmt::format(" {:>7} {:>10} {:>8} {:>6}  ", "HZ", "BYTES/S", "AGE", "MISSED") +
            (writer == 0 ? "" : padded("WRITER", writer)) + "STATE";
  std::vector<Row> rows;
  for (const TopTopic* t : shown) {
    rows.push_back({padded(printable(t->name), name) +
                        fmt::format(" {:>7} {:>10} {:>8} {:>6}  ", rate_text(t->hz),
                                    bytes_text(static_cast<uint64_t>(std::llround(t->bytes_per_s))),
                                    t->state == State::kEmpty ? "-" : age_text(t->age_ns), t->missed) +
                        (writer == 0 ? "" : padded(printable(t->writer), writer)),
                    t->state});
  }
  return rows;
}

std::vector<Row> counter_rows(const TopData& data, const TopState& state, size_t columns,
                              std::string* header) {
  const size_t relay = columns > 76 ? columns - 52 : 24;
  const std::string filter = lower(state.filter);
  const auto shape = [&](const std::string& of, const std::string& direction, const std::string& name,
                         const std::string& total, const std::string& per_s) {
    return padded(printable(of), relay) + fmt::format(" {:<8} {:<21} {:>11} {:>7}", printable(direction),
                                                      shorten(printable(name), 21), total, per_s);
  };
  *header = shape("RELAY", "WAY", "COUNTER", "TOTAL", "PER S");
  std::vector<const TopCounter*> shown;
  for (const TopCounter& c : data.counters) {
    if (c.total != 0 && lower(c.relay + "/" + c.direction + "/" + c.name).find(filter) != std::string::npos)
      shown.push_back(&c);
  }
  if (state.sort != TopSort::kName) {
    std::stable_sort(shown.begin(), shown.end(),
                     [](const auto* a, const auto* b) { return a->per_s > b->per_s; });
  }
  if (state.reverse) std::reverse(shown.begin(), shown.end());
  std::vector<Row> rows;
  for (const TopCounter* c : shown) {
    rows.push_back({shape(c->relay, c->direction, c->name, fmt::format("{}", c->total), rate_text(c->per_s)),
                    std::nullopt});
  }
  return rows;
}

std::string summary(const TopData& data) {
  double hz = 0, bytes = 0;
  for (const TopTopic& t : data.topics) hz += t.hz, bytes += t.bytes_per_s;
  std::string out =
      fmt::format("{}  {}  {} topics  {} samples/s  {}/s", data.domain, data.time, data.topics.size(),
                  rate_text(hz), bytes_text(static_cast<uint64_t>(std::llround(bytes))));
  if (data.folder_bytes != 0) {
    out += fmt::format("  memory {:.0f} % full", 100 - 100.0 * static_cast<double>(data.folder_free_bytes) /
                                                           static_cast<double>(data.folder_bytes));
  }
  return out;
}

std::string states(const TopData& data) {
  std::array<size_t, 8> count{};
  uint64_t missed = 0;
  for (const TopTopic& t : data.topics) {
    ++count[static_cast<size_t>(t.state) & 7];
    missed += t.missed;
  }
  std::string out;
  for (const State s : {State::kFresh, State::kStale, State::kSourceDead, State::kLinkDown,
                        State::kSubstituted, State::kEmpty}) {
    if (count[static_cast<size_t>(s)] != 0)
      out += fmt::format("{}{} {}", out.empty() ? "" : "  ", state_name(s), count[static_cast<size_t>(s)]);
  }
  return out + (missed == 0 ? "" : fmt::format("  missed {}", missed));
}

std::string foot(const TopState& state, size_t shown, size_t all) {
  if (state.typing) return fmt::format("filter: {}_", printable(state.filter));
  const auto* sort =
      std::find_if(std::begin(kTopSorts), std::end(kTopSorts), [&](auto& s) { return s.sort == state.sort; });
  std::string where =
      all == 0 ? "none" : fmt::format("{}-{} of {}", state.first + 1, state.first + shown, all);
  where += fmt::format(" by {}{}", sort->name, state.reverse ? " (reverse)" : "");
  if (!state.filter.empty()) where += fmt::format(" with \"{}\"", printable(state.filter));
  if (state.paused) where += " PAUSED";
  return fmt::format("{}  {}", where, kKeys);
}

}  // namespace

void TopState::key(const std::string& key, size_t rows) {
  const size_t page = rows > kHeadLines + kFootLines ? rows - kHeadLines - kFootLines : 1;
  if (typing) {
    if (key == "enter") {
      typing = false;
    } else if (key == "escape") {
      typing = false;
      filter.clear();
    } else if (key == "backspace") {
      if (!filter.empty()) filter.pop_back();
    } else if (key.size() == 1 && filter.size() < 255) {
      filter += key;
    }
    first = 0;
    return;
  }
  if (key == "q") quit = true;
  if (key == " ") paused = !paused;
  if (key == "v") relays = !relays, first = 0;
  if (key == "/") typing = true;
  if (key == "escape") filter.clear();
  if (key == "up" || key == "k") first -= std::min<size_t>(first, 1);
  if (key == "down" || key == "j") ++first;
  if (key == "pageup") first -= std::min(first, page);
  if (key == "pagedown") first += page;
  if (key == "home" || key == "g") first = 0;
  if (key == "end" || key == "G") first = SIZE_MAX / 2;
  for (const TopSortKey& s : kTopSorts) {
    if (key != std::string(1, s.key)) continue;
    reverse = sort == s.sort && !reverse;
    sort = s.sort;
    first = 0;
  }
}

std::vector<std::string> draw_top(const TopData& data, TopState* state, size_t columns, size_t rows,
                                  bool colour) {
  const std::string_view inverse = colour ? "\x1b[7m" : "", plain = colour ? "\x1b[0m" : "";
  std::vector<std::string> lines = {shorten(printable(summary(data)), columns),
                                    shorten(states(data), columns)};
  std::string header;
  const std::vector<Row> all = state->relays ? counter_rows(data, *state, columns, &header)
                                             : topic_rows(data, *state, columns, &header);
  const size_t room = rows == 0 ? all.size() : rows - std::min(rows, kHeadLines + kFootLines);
  state->first = std::min(state->first, all.size() - std::min(all.size(), room));
  const size_t shown = std::min(room, all.size() - state->first);
  lines.push_back(fmt::format("{}{}{}", inverse, padded(header, rows == 0 ? header.size() : columns), plain));
  for (size_t i = state->first; i < state->first + shown; ++i) {
    lines.push_back(all[i].text + (all[i].state ? state_text(*all[i].state, colour) : ""));
  }
  if (rows == 0) return lines;
  if (!data.problem.empty()) lines.push_back(shorten(printable(data.problem), columns));
  while (lines.size() + kFootLines < rows) lines.emplace_back();
  lines.resize(rows - std::min(rows, kFootLines));
  lines.push_back(shorten(foot(*state, shown, all.size()), columns));
  return lines;
}

}  // namespace smt::cmd
