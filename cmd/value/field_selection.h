// Fields of a topic by name, as `smttopic echo --field` takes them.
//
//   pose.x      that field, whole if it is an array
//   pose        all fields below it: pose.x, pose.y
//   q[2]        one element of an array
#ifndef SMT_CMD_VALUE_FIELD_SELECTION_H_
#define SMT_CMD_VALUE_FIELD_SELECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/value/value.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// "q[2]" is element 2 of "q"; a field of the whole name goes before.
struct FieldPath {
  std::string text;  // as it was written
  std::string name;
  std::optional<uint32_t> element;

  static FieldPath parse(std::string_view text);
};

// The fields of the JSON object: of a topic without any, text or raw bytes, there is the one "value".
std::vector<Field> shown_fields(const Schema& schema);
// The field that is named alone, or of which an element is; null: none.
const Field* find_field(const std::vector<Field>& fields, const FieldPath& path);
// "no field \"z\" in Pose; there are x, y, q[4]".
Status no_such_field(const FieldPath& path, const Schema& schema);

class FieldSelection {
 public:
  explicit FieldSelection(const std::vector<std::string>& paths);

  bool empty() const { return paths_.empty(); }
  // kInvalid, with the fields there are: one that is named is missing.
  Status check(const Schema& schema) const;
  // What is named of a value, in the order of naming; an element under the key "q[2]".
  // REQUIRES: check() of the value's schema is OK
  Json select(const Json& value) const;

 private:
  std::vector<FieldPath> paths_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_FIELD_SELECTION_H_
