// A description, checked and laid out: constants, enums, structs and topics. A register map becomes
// a struct and a topic too, with accessors of its bits beside them.
#ifndef SMT_CMD_API_MODEL_H_
#define SMT_CMD_API_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/api/number.h"
#include "shm/schema.h"

namespace smt::cmd::api {

inline constexpr size_t kMaxMembers = 256;          // of a struct; SMT_FIELDS takes no more
inline constexpr size_t kMaxDepth = 16;             // structs in structs
inline constexpr uint64_t kMaxFields = 16384;       // of a topic, flattened: what a schema holds
inline constexpr uint64_t kMaxAllFields = 1 << 18;  // of all topics together
inline constexpr uint64_t kMaxBytes = 16 << 20;     // of a struct
inline constexpr uint32_t kMaxHistory = 1 << 16;

struct Constant {
  std::string name, unit, comment;
  Number value;
};

struct EnumValue {
  std::string name, comment;
  Number value;
};

struct Enum {
  std::string name, comment;
  Type type = Type::kU8;  // an integer
  std::vector<EnumValue> values;
};

struct Member {
  std::string name, unit, comment;
  Type type = Type::kU8;                 // of an enum its integer
  std::optional<size_t> of_enum = {};    // in Api::enums
  std::optional<size_t> of_struct = {};  // in Api::structs; `type` then means nothing
  bool array = false;
  uint32_t count = 1;
  std::string count_name = {};  // of the constant that `count` is; "": it is written as a number
  std::optional<Number> min = {}, max = {};
  uint64_t offset = 0;
  size_t at = 0;               // in the file
  std::string type_name = {};  // as written there
};

struct Struct {
  std::string name, comment;
  std::vector<Member> members;
  uint64_t size = 0, align = 1;
  uint64_t fields = 0;  // flattened
  bool ranged = false;  // a field of it, or of a struct in it, has a range narrower than its type
  size_t at = 0;
};

struct Topic {
  std::string name, comment;
  std::string id;  // its identifier: "BasePose"
  size_t of_struct = 0;
  int64_t max_age_ns = 0;
  uint32_t history = 4;
  uint64_t schema_hash = 0;
};

// Bits `low` to `high` of a register, or all of it.
struct BitField {
  std::string name;  // of its accessors: "StatReg1_mode", or "JointTorque" for a whole register
  std::string register_name, unit, comment;
  uint32_t low = 0, high = 0;
  bool is_signed = false;
  std::optional<size_t> of_enum = {};
  bool scaled = false;  // value = raw * scale + offset, an f64
  double scale = 1, offset = 0;

  uint32_t count() const { return high - low + 1; }
  uint64_t mask() const { return ~uint64_t{0} >> (64 - count()); }  // of those bits, shifted down
  bool is_flag() const { return count() == 1 && !of_enum && !scaled && !is_signed; }
};

struct Register {
  std::string name, comment;
  uint64_t address = 0;  // in bytes
  uint32_t width = 32;   // 8, 16, 32 or 64 bits
  std::string access;    // "ro" "rw" "wo"
  uint64_t reset = 0;
  std::vector<BitField> bits;
  size_t at = 0;  // in the file
};

struct RegisterMap {
  size_t of_struct = 0;             // a field for each register, of the same name
  std::vector<Register> registers;  // by address
};

struct Api {
  std::string name, comment;
  std::string cpp_namespace;
  std::string tool, source, sha256;  // what generates, from which file, and the hash of its bytes in hex
  std::vector<Constant> constants;
  std::vector<Enum> enums;
  std::vector<Struct> structs;  // each after those that it holds
  std::vector<Topic> topics;
  std::vector<RegisterMap> maps;
};

// The schema that SchemaOf<T>() gives for the struct in C++.
Schema schema_of(const Api& api, const Struct& s);

// A leaf of a struct: one field of its schema, and the member that says what it means.
struct Leaf {
  Field field;
  const Member* member;
};
std::vector<Leaf> leaves_of(const Api& api, const Struct& s);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_MODEL_H_
