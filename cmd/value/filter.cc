#include "cmd/value/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <utility>

#include "cmd/value/filter_parser.h"

namespace smt::cmd {
namespace {

std::partial_ordering compare(const FilterNumber& left, const FilterNumber& right) {
  return std::visit(
      [](auto a, auto b) -> std::partial_ordering {
        if constexpr (std::is_same_v<decltype(a), double> || std::is_same_v<decltype(b), double>) {
          return static_cast<double>(a) <=> static_cast<double>(b);
        } else {
          return std::cmp_less(a, b)    ? std::partial_ordering::less
                 : std::cmp_equal(a, b) ? std::partial_ordering::equivalent
                                        : std::partial_ordering::greater;
        }
      },
      left, right);
}

// The words that stand for floats which are no numbers of JSON.
FilterNumber number_of(const Json& json) {
  if (json.is_boolean()) return int64_t{json.get<bool>()};
  if (json.is_number_unsigned()) return json.get<uint64_t>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

bool order_holds(std::partial_ordering order, FilterOperator op) {
  switch (op) {
    case FilterOperator::kEqual:
      return order == 0;
    case FilterOperator::kUnequal:
      return order != 0;
    case FilterOperator::kLess:
      return order < 0;
    case FilterOperator::kLessEqual:
      return order <= 0;
    case FilterOperator::kGreater:
      return order > 0;
    case FilterOperator::kGreaterEqual:
      break;
  }
  return order >= 0;
}

// Null where there is none.
const Json* scalar_at(const Json& value, const FieldPath& path) {
  if (const auto whole = value.find(path.text); whole != value.end()) return &*whole;
  const auto array = value.find(path.name);
  if (!path.element || array == value.end() || !array->is_array() || *path.element >= array->size())
    return nullptr;
  return &(*array)[*path.element];
}

}  // namespace

Result<Filter> Filter::parse(std::string_view text) {
  Result<FilterNode> root = FilterParser(text).parse();
  if (!root.ok()) return root.status();
  return Filter(std::move(*root));
}

Status Filter::check(const Schema& schema) const { return check(root_, schema, shown_fields(schema)); }

Status Filter::check(const FilterNode& node, const Schema& schema, const std::vector<Field>& fields) {
  for (const FilterNode& part : node.parts) {
    if (Status s = check(part, schema, fields); !s.ok()) return s;
  }
  if (node.kind != FilterNode::Kind::kComparison) return Status();
  const std::string& name = node.field.text;
  const Field* field = find_field(fields, node.field);
  if (field == nullptr) return no_such_field(node.field, schema);
  const bool is_text = field->type == Type::kChar;
  if (!is_text && field->count > 1 && field->name == name) {
    return Status(Code::kInvalid,
                  fmt::format("field {} has {} elements; name one of them: {}[0]", name, field->count, name));
  }
  if (is_text != std::holds_alternative<std::string>(node.literal)) {
    return Status(Code::kInvalid, is_text
                                      ? fmt::format("field {} is text; compare it with text in quotes", name)
                                      : fmt::format("field {} is a number; compare it with one", name));
  }
  return Status();
}

bool Filter::matches(const FilterNode& node, const Json& value) {
  const auto holds = [&](const FilterNode& part) { return matches(part, value); };
  if (node.kind == FilterNode::Kind::kAny) return std::any_of(node.parts.begin(), node.parts.end(), holds);
  if (node.kind == FilterNode::Kind::kAll) return std::all_of(node.parts.begin(), node.parts.end(), holds);
  const Json* found = scalar_at(value, node.field);
  if (found == nullptr) return false;
  if (const auto* text = std::get_if<std::string>(&node.literal))
    return found->is_string() && order_holds(found->get_ref<const std::string&>() <=> *text, node.op);
  return order_holds(compare(number_of(*found), std::get<FilterNumber>(node.literal)), node.op);
}

}  // namespace smt::cmd
