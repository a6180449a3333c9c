// A topic's bytes as the JSON of a recording: what viewers show, and exactly the same bytes back.
#ifndef SMT_CMD_RECORDING_LOG_VALUE_H_
#define SMT_CMD_RECORDING_LOG_VALUE_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// value_to_json's object as text. Where that does not tell all (padding that is not zero, a NaN with bits of
// its own, text that is not UTF-8 or goes on behind its NUL, a bool of 2), it has one key more, which no
// field can have: "smt bytes", the value in base64.
std::string log_value_text(const Schema& schema, std::span<const std::byte> bytes);

// The bytes that log_value_text was given. kInvalid: no text of it.
Result<std::vector<std::byte>> parse_log_value(const Schema& schema, std::string_view text);

// The JSON Schema (draft 7) of that text, for viewers. Units are descriptions.
std::string json_schema_text(const Schema& schema);

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_LOG_VALUE_H_
