// A schema gives a topic's bytes their meaning: a type name and named fields. Tools print, log and plot any
// topic from it.
#ifndef SMT_SHM_SCHEMA_H_
#define SMT_SHM_SCHEMA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/status.h"

namespace smt {

enum class Type : uint8_t { kBool, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kF32, kF64, kChar };

uint32_t type_bytes(Type type);
// "bool" "i8" "u8" ... "i64" "u64" "f32" "f64" "char"
std::string_view name_of(Type type);
// False if `name` is none of them.
bool type_from_name(std::string_view name, Type* type);

struct Field {
  std::string name;  // nesting flattened with '.', as "pose.position.x"; no white space
  Type type;
  uint32_t offset;     // bytes from the start of the value
  uint32_t count = 1;  // array length; a char array is a NUL-padded text
  std::string unit;    // "m/s"; no white space; may be empty

  bool operator==(const Field&) const = default;
};

// Two schemas are the same topic type if and only if their text() is the same.
struct Schema {
  std::string type_name;      // no white space
  uint64_t size = 0;          // bytes of a value; 0: any size (raw bytes, text)
  std::vector<Field> fields;  // in order of offset; empty for raw bytes

  bool operator==(const Schema&) const = default;

  // Any size, no fields.
  static Schema bytes() { return {"bytes", 0, {}}; }
  // Any size, UTF-8.
  static Schema string() { return {"string", 0, {}}; }
  // One field "value". count > 1, or `array`: the type name is "f64[3]"; else it is "f64".
  static Schema scalar(Type type, uint32_t count = 1, bool array = false);
  // "bytes", "string", "f64", "u8[16]": what `smttopic pub` takes.
  static Result<Schema> parse(std::string_view type);

  // The compact descriptor, stored once in the segment and sent once by the relay: first line
  // "<type name> <size>", then a line "<name> <type> <offset> <count> <unit or ->" for each field.
  std::string text() const;
  // Hostile input: every bound is checked.
  static Result<Schema> from_text(std::string_view text);
  // FNV-1a, 64 bit, over text().
  uint64_t hash() const;

  // kInvalid with a sentence if a name is empty or holds white space, or a field lies outside `size`.
  Status check() const;
  const Field* field(std::string_view name) const;
};

// Sets the units of fields by name: with_units(SchemaOf<Imu>(), {{"ax", "m/s^2"}}). Unknown names are
// ignored.
Schema with_units(Schema schema, const std::vector<std::pair<std::string, std::string>>& units);

// Both layouts side by side and the first field that differs, for people. Empty if they are the same.
std::string schema_diff(const Schema& expected, const Schema& found);

}  // namespace smt

#endif  // SMT_SHM_SCHEMA_H_
