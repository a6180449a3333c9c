// JSON that tools print.
#ifndef SMT_TESTS_TOOLS_JSON_H_
#define SMT_TESTS_TOOLS_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/text.h"

namespace smt::tools {

using Json = nlohmann::ordered_json;

inline std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// One document a line.
inline std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> out;
  for (const std::string& line : split_lines(text)) out.push_back(Json::parse(line));
  return out;
}

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_JSON_H_
