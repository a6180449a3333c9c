// A Filter as a tree. See cmd/value/filter.h for the grammar.
#ifndef SMT_CMD_VALUE_FILTER_TREE_H_
#define SMT_CMD_VALUE_FILTER_TREE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cmd/value/field_selection.h"

namespace smt::cmd {

using FilterNumber = std::variant<int64_t, uint64_t, double>;

enum class FilterOperator { kEqual, kUnequal, kLess, kLessEqual, kGreater, kGreaterEqual };

struct FilterNode {
  enum class Kind { kAny, kAll, kComparison } kind = Kind::kComparison;
  std::vector<FilterNode> parts;  // of kAny and kAll
  FieldPath field;
  FilterOperator op = FilterOperator::kEqual;
  std::variant<FilterNumber, std::string> literal;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_FILTER_TREE_H_
