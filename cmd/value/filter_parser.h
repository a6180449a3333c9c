// The text of a Filter. See cmd/value/filter.h for the grammar.
#ifndef SMT_CMD_VALUE_FILTER_PARSER_H_
#define SMT_CMD_VALUE_FILTER_PARSER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "cmd/value/filter_tree.h"
#include "shm/status.h"

namespace smt::cmd {

class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}
  // kInvalid, see Filter::parse.
  Result<FilterNode> parse();

 private:
  // Each takes what it is named for off the text; false: error_ says what stands there instead.
  bool any(FilterNode* node);
  bool all(FilterNode* node);
  bool term(FilterNode* node);
  bool comparison(FilterNode* node);
  bool compares(FilterOperator* op);
  bool literal(FilterNode* node);
  bool quote(char quote, std::string* text);

  void skip_space();
  bool take(std::string_view token);  // after white space
  std::string_view take_word();       // up to white space, an operator, a parenthesis or a quote
  bool expected(std::string_view what);

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_FILTER_PARSER_H_
