#include "cmd/value/filter_parser.h"

#include <fmt/format.h>

#include <charconv>

#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr size_t kLongest = 4096;
constexpr int kDeepest = 32;

// The whole of `text`.
template <class T>
bool ReadNumber(std::string_view text, FilterNumber* number) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return false;
  *number = value;
  return true;
}

}  // namespace

Result<FilterNode> FilterParser::parse() {
  if (text_.size() > kLongest) {
    return {Code::kInvalid, fmt::format("a filter of {} bytes; {} are the most", text_.size(), kLongest)};
  }
  FilterNode node;
  bool good = Any(&node);
  if (good) {
    SkipSpace();
    good = at_ == text_.size() || Expected("&&, || or the end");
  }
  if (!good) return {Code::kInvalid, fmt::format("filter, column {}: {}", at_ + 1, error_)};
  return node;
}

bool FilterParser::Any(FilterNode* node) {
  node->kind = FilterNode::Kind::kAny;
  do {
    if (!All(&node->parts.emplace_back())) return false;
  } while (Take("||"));
  return true;
}

bool FilterParser::All(FilterNode* node) {
  node->kind = FilterNode::Kind::kAll;
  do {
    if (!Term(&node->parts.emplace_back())) return false;
  } while (Take("&&"));
  return true;
}

bool FilterParser::Term(FilterNode* node) {
  if (!Take("(")) return Comparison(node);
  if (++depth_ > kDeepest) {
    --at_;
    error_ = fmt::format("more than {} parentheses deep", kDeepest);
    return false;
  }
  if (!Any(node)) return false;
  --depth_;
  return Take(")") || Expected(") or an operator");
}

bool FilterParser::Comparison(FilterNode* node) {
  SkipSpace();
  const std::string_view field = Word();
  if (field.empty()) return Expected("a field");
  node->kind = FilterNode::Kind::kComparison;
  node->field = FieldPath::Parse(field);
  return Compares(&node->op) && Literal(node);
}

bool FilterParser::Compares(FilterOperator* op) {
  using Operator = FilterOperator;
  // The longer ones first.
  const std::pair<std::string_view, Operator> kOperators[] = {
      {"==", Operator::kEqual},        {"!=", Operator::kUnequal}, {"<=", Operator::kLessEqual},
      {">=", Operator::kGreaterEqual}, {"<", Operator::kLess},     {">", Operator::kGreater}};
  for (const auto& known : kOperators) {
    if (!Take(known.first)) continue;
    *op = known.second;
    return true;
  }
  return Expected("== != < <= > or >=");
}

bool FilterParser::Literal(FilterNode* node) {
  SkipSpace();
  if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
    return Quoted(text_[at_], &node->literal.emplace<std::string>());
  }
  const size_t begin = at_;
  const std::string_view word = Word();
  FilterNumber number;
  if (word == "true" || word == "false") {
    number = int64_t{word == "true"};
  } else if (word.empty() || !(ReadNumber<int64_t>(word, &number) || ReadNumber<uint64_t>(word, &number) ||
                               ReadNumber<double>(word, &number))) {
    at_ = begin;
    return Expected("a number, true, false, or text in quotes");
  }
  node->literal = number;
  return true;
}

bool FilterParser::Quoted(char quote, std::string* text) {
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

void FilterParser::SkipSpace() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
}

bool FilterParser::Take(std::string_view token) {
  SkipSpace();
  if (!text_.substr(at_).starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view FilterParser::Word() {
  const std::string_view rest = text_.substr(at_);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t\n()=!<>&|\"'"));
  at_ += word.size();
  return word;
}

bool FilterParser::Expected(std::string_view what) {
  SkipSpace();
  const std::string found = at_ == text_.size() ? "the end" : "\"" + Printable(text_.substr(at_, 20)) + "\"";
  error_ = fmt::format("expected {}, found {}", what, found);
  return false;
}

}  // namespace smt::cmd
