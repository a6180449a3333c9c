// The demo's table on stdout: redrawn in place on a terminal, printed once per event elsewhere.
#ifndef SMT_CMD_DEMO_TABLE_H_
#define SMT_CMD_DEMO_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cmd/demo/watch.h"

namespace smt::demo {

class Table {
 public:
  enum class Style {
    kSilent,
    kPlain,  // text only, a table where event() asks for it
    kLive,   // ANSI: colours, redrawn by each show()
  };
  // kLive on a terminal without NO_COLOR.
  static Style style_of_stdout();

  explicit Table(Style style) : style_(style) {}

  // Shows the rows as of now, if live.
  void show(const std::vector<Row>& rows);
  // A line that stays, and the rows that belong to it.
  void event(const std::string& line, const std::vector<Row>& rows);
  // A line that stays.
  void say(const std::string& line);

 private:
  void clear();
  void print_text(const std::vector<Row>& rows);

  Style style_;
  size_t lines_ = 0;  // drawn last, to be drawn over
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_TABLE_H_
