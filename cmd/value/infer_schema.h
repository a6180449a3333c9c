// A schema for a value of which nobody has said the type.
#ifndef SMT_CMD_VALUE_INFER_SCHEMA_H_
#define SMT_CMD_VALUE_INFER_SCHEMA_H_

#include "cmd/value/value.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// The schema of a value as value_to_json writes it, with or without the object around it. true is bool;
// integers are i64, or u64 where one is beyond that; other numbers, "nan", "inf" and "-inf" are f64; arrays
// are of the widest type of their elements. Text alone is a string topic; as a field of several it has room
// for 32 bytes, or the next power of two. The fields lie in their order, each aligned to its size. kInvalid,
// with the field: null, an empty array, a nested object, elements of several kinds, or a name that no field
// may have.
Result<Schema> infer_schema(const Json& value);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_INFER_SCHEMA_H_
