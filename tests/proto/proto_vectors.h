// The messages of tests/vectors: their bytes, and what they mean as JSON.
#ifndef SMT_TESTS_PROTO_PROTO_VECTORS_H_
#define SMT_TESTS_PROTO_PROTO_VECTORS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec.h"

namespace smt::proto {

struct Vector {
  std::string name, header, payload;
};
// One for each kind of message, and more.
std::vector<Vector> vectors();
nlohmann::json meaning_of(const Envelope& e);

std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view hex);

}  // namespace smt::proto

#endif  // SMT_TESTS_PROTO_PROTO_VECTORS_H_
