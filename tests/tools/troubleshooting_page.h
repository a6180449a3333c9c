// The tables of docs/troubleshooting.md.
#ifndef SMT_TESTS_TOOLS_TROUBLESHOOTING_PAGE_H_
#define SMT_TESTS_TOOLS_TROUBLESHOOTING_PAGE_H_

#include <algorithm>
#include <string>
#include <vector>

#include "tests/paths.h"
#include "tests/text.h"

namespace smt::tools {

// The cells of each row of the section's table, without its head.
inline std::vector<std::vector<std::string>> rows_of_page(const std::string& section) {
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line : split_lines(contents(source_path("docs/troubleshooting.md")))) {
    if (line.starts_with("## ")) inside = line == "## " + section;
    if (!inside || !line.starts_with("| ") || !line.ends_with(" |")) continue;
    line = line.substr(2, line.size() - 4);
    std::vector<std::string>& cells = rows.emplace_back();
    for (size_t end; (end = line.find(" | ")) != line.npos; line = line.substr(end + 3))
      cells.push_back(line.substr(0, end));
    cells.push_back(line);
  }
  if (!rows.empty()) rows.erase(rows.begin());
  return rows;
}

// Returns the text of a cell that is one piece of code, and "" of any other cell.
inline std::string code_of(const std::string& cell) {
  const bool is_code = cell.size() > 2 && cell.front() == '`' && cell.find('`', 1) == cell.size() - 1;
  return is_code ? cell.substr(1, cell.size() - 2) : "";
}

// "..." of the sentence is any text.
inline bool says(const std::string& line, const std::string& sentence) {
  size_t at = 0;
  for (size_t begin = 0; begin <= sentence.size();) {
    const size_t end = std::min(sentence.find("...", begin), sentence.size());
    at = line.find(sentence.substr(begin, end - begin), at);
    if (at == line.npos) return false;
    at += end - begin;
    begin = end + 3;
  }
  return true;
}

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_TROUBLESHOOTING_PAGE_H_
