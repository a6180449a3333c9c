// Which samples are wanted, by their fields: `smttopic echo --filter 'speed > 2.5 && (mode == "auto" || q[0]
// < 0)'`.
//
//   any        = all { "||" all }
//   all        = term { "&&" term }
//   term       = "(" any ")" | comparison
//   comparison = FIELD ("==" | "!=" | "<" | "<=" | ">" | ">=") (NUMBER | "true" | "false" | STRING)
//
// FIELD is a name as in cmd/value/field_selection.h, of one scalar. A bool is 0 or 1 as a number. STRING
// stands in single or double quotes, in which a backslash takes the next character as it is; text is compared
// byte by byte. A NaN is != any number and nothing else. Integers are compared exactly.
#ifndef SMT_CMD_VALUE_FILTER_H_
#define SMT_CMD_VALUE_FILTER_H_

#include <string_view>
#include <utility>
#include <vector>

#include "cmd/value/filter_tree.h"
#include "cmd/value/value.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

class Filter {
 public:
  // kInvalid with the column (from 1, in bytes): not of the grammar, more than 4096 bytes, or more than 32
  // parentheses deep.
  static Result<Filter> parse(std::string_view text);

  // kInvalid: a field is missing, is an array, or is text where a number stands, or the other way round.
  Status check(const Schema& schema) const;
  // REQUIRES: `value` is value_to_json of a schema that check() finds OK.
  bool matches(const Json& value) const { return matches(root_, value); }

 private:
  explicit Filter(FilterNode root) : root_(std::move(root)) {}
  static Status check(const FilterNode& node, const Schema& schema, const std::vector<Field>& fields);
  static bool matches(const FilterNode& node, const Json& value);

  FilterNode root_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_FILTER_H_
