// The screen of smttop as lines of text: a function of the topics and counters and of the view's state.
#ifndef SMT_CMD_TOP_TOP_VIEW_H_
#define SMT_CMD_TOP_TOP_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/freshness.h"

namespace smt::cmd {

struct TopTopic {
  std::string name, type, writer;
  State state = State::kEmpty;
  std::optional<int64_t> age_ns;
  double hz = 0, bytes_per_s = 0;
  uint64_t missed = 0;  // since smttop began
};

// A counter of a relay, see cmd/serve/relay_counters.h.
struct TopCounter {
  std::string relay;      // "<name>/<role>"
  std::string direction;  // "outbound", "inbound", "write" or "session"
  std::string name;
  uint64_t total = 0;
  double per_s = 0;
};

struct TopData {
  std::string domain;
  std::string time;
  std::vector<TopTopic> topics;
  std::vector<TopCounter> counters;
  uint64_t folder_bytes = 0, folder_free_bytes = 0;  // 0: not known
  std::string problem;                               // why there is nothing; "": there is
};

enum class TopSort { kName, kRate, kBytes, kAge, kMissed, kState };

struct TopSortKey {
  char key;
  TopSort sort;
  std::string_view name;  // of the column, and of --sort
};
inline constexpr TopSortKey kTopSorts[] = {
    {'n', TopSort::kName, "name"}, {'r', TopSort::kRate, "rate"},     {'b', TopSort::kBytes, "bytes"},
    {'a', TopSort::kAge, "age"},   {'m', TopSort::kMissed, "missed"}, {'s', TopSort::kState, "state"}};

// The state of the view, set by flags and keys.
struct TopState {
  bool relays = false;  // counters instead of topics
  TopSort sort = TopSort::kName;
  bool reverse = false;
  std::string filter;   // part of a name, upper or lower case
  bool typing = false;  // the filter
  bool paused = false;
  size_t first = 0;  // row shown first
  bool quit = false;

  // Takes a key (see Screen::keys) on a screen of `rows` rows.
  void key(const std::string& key, size_t rows);
};

// At most `rows` lines of `columns` columns; `first` is kept within what there is. rows 0: all, for a file.
std::vector<std::string> draw_top(const TopData& data, TopState* state, size_t columns, size_t rows,
                                  bool colour);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOP_TOP_VIEW_H_
