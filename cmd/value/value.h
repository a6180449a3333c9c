// A topic's bytes as JSON and back, by its schema.
//
// An object with one key for each field, in the schema's order; nested names stay flat keys ("pose.x").
// Arrays are JSON arrays, char arrays are strings up to their first NUL, bool is true or false. A float is
// its shortest decimal that reads back to the same bits (an f32 0.1 is 0.1), or "nan", "inf", "-inf". Topics
// without fields have the one key "value": base64 for bytes, a string for string.
#ifndef SMT_CMD_VALUE_VALUE_H_
#define SMT_CMD_VALUE_VALUE_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

using Json = nlohmann::ordered_json;

// Bytes that are not of the schema's size come out as {"value": base64}.
Json value_to_json(const Schema& schema, std::span<const std::byte> bytes);

// kInvalid, with the field and the reason: not the field's type, out of its range, another array length, a
// field missing or unknown. A value with the single field "value" may stand without the object around it.
// Padding between fields is zero.
Result<std::vector<std::byte>> json_to_value(const Schema& schema, const Json& json);

inline constexpr int kMaxJsonDepth = 64;  // brackets in brackets; a value of a topic has three

// kInvalid, with what is wrong as a sentence without its subject: the text is not JSON, and where; it nests
// deeper than kMaxJsonDepth, which would be too much for whoever walks it; or it holds a number that is out
// of range.
Result<Json> parse_json(std::string_view text);

// json_to_value of a text. kInvalid too: see parse_json.
Result<std::vector<std::byte>> parse_value(const Schema& schema, const std::string& text);

// For people: a string without its quotes, an array as [1, nan, 3]; all else as JSON.
std::string bare_text(const Json& json);

// For CSV, of an object of fields: their names and bare texts, one pair for each scalar, "q[0]" for elements
// of an array.
std::vector<std::pair<std::string, std::string>> value_cells(const Json& value);

// One line of JSON, safe for a terminal: characters that are not printable() are escaped. Text that is not
// UTF-8 gets replacement characters.
std::string dump(const Json& json);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_VALUE_H_
