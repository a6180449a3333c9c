#include "cmd/value/filter_parser.h"

#include <fmt/format.h>

#include <charconv>

#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr size_t kMax = 4096;
constexpr int kDeepest = 32;

// The whole of `text`.
template <class T>
bool read_number(std::string_view text, FilterNumber* number) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return false;
  *number = value;
  return true;
}

}  // namespace

Result<FilterNode> FilterParser::parse() {
  if (text_.size() > kMax) {
    return {Code::kInvalid, fmt::format("a filter of {} bytes; {} are the most", text_.size(), kMax)};
  }
  FilterNode node;
  bool good = any(&node);
  if (good) {
    skip_space();
    good = at_ == text_.size() || expected("&&, || or the end");
  }
  if (!good) return {Code::kInvalid, fmt::format("filter, column {}: {}", at_ + 1, error_)};
  return node;
}

bool FilterParser::any(FilterNode* node) {
  node->kind = FilterNode::Kind::kAny;
  do {
    if (!all(&node->parts.emplace_back())) return false;
  } while (take("||"));
  return true;
}

bool FilterParser::all(FilterNode* node) {
  node->kind = FilterNode::Kind::kAll;
  do {
    if (!term(&node->parts.emplace_back())) return false;
  } while (take("&&"));
  return true;
}

bool FilterParser::term(FilterNode* node) {
  if (!take("(")) return comparison(node);
  if (++depth_ > kDeepest) {
    --at_;
    error_ = fmt::format("more than {} parentheses deep", kDeepest);
    return false;
  }
  if (!any(node)) return false;
  --depth_;
  return take(")") || expected(") or an operator");
}

bool FilterParser::comparison(FilterNode* node) {
  skip_space();
  const std::string_view field = take_word();
  if (field.empty()) return expected("a field");
  node->kind = FilterNode::Kind::kComparison;
  node->field = FieldPath::parse(field);
  return compares(&node->op) && literal(node);
}

bool FilterParser::compares(FilterOperator* op) {
  using Operator = FilterOperator;
  // The longer ones first.
  const std::pair<std::string_view, Operator> kOperators[] = {
      {"==", Operator::kEqual},        {"!=", Operator::kUnequal}, {"<=", Operator::kLessEqual},
      {">=", Operator::kGreaterEqual}, {"<", Operator::kLess},     {">", Operator::kGreater}};
  for (const auto& known : kOperators) {
    if (!take(known.first)) continue;
    *op = known.second;
    return true;
  }
  return expected("== != < <= > or >=");
}

bool FilterParser::literal(FilterNode* node) {
  skip_space();
  if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
    return quote(text_[at_], &node->literal.emplace<std::string>());
  }
  const size_t begin = at_;
  const std::string_view word = take_word();
  FilterNumber number;
  if (word == "true" || word == "false") {
    number = int64_t{word == "true"};
  } else if (word.empty() || !(read_number<int64_t>(word, &number) || read_number<uint64_t>(word, &number) ||
                               read_number<double>(word, &number))) {
    at_ = begin;
    return expected("a number, true, false, or text in quotes");
  }
  node->literal = number;
  return true;
}

bool FilterParser::quote(char quote, std::string* text) {
  const size_t begin = at_;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == quote) return ++at_, true;
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    *text += text_[at_];
  }
  at_ = begin;
  error_ = "the text has no closing quote";
  return false;
}

void FilterParser::skip_space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
}

bool FilterParser::take(std::string_view token) {
  skip_space();
  if (!text_.substr(at_).starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view FilterParser::take_word() {
  const std::string_view rest = text_.substr(at_);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t\n()=!<>&|\"'"));
  at_ += word.size();
  return word;
}

bool FilterParser::expected(std::string_view what) {
  skip_space();
  const std::string found = at_ == text_.size() ? "the end" : "\"" + printable(text_.substr(at_, 20)) + "\"";
  error_ = fmt::format("expected {}, found {}", what, found);
  return false;
}

}  // namespace smt::cmd
