// How a topic's samples lie in the datasets of an HDF5 file, one for each field: docs/logging.md.
#ifndef SMT_CMD_RECORDING_HDF5_COLUMNS_H_
#define SMT_CMD_RECORDING_HDF5_COLUMNS_H_

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

// An object of the library, closed with this.
class Hdf5Id {
 public:
  Hdf5Id() = default;
  explicit Hdf5Id(hid_t id) : id_(id) {}
  Hdf5Id(Hdf5Id&& o) noexcept : id_(std::exchange(o.id_, -1)) {}
  Hdf5Id& operator=(Hdf5Id&& o) noexcept {
    std::swap(id_, o.id_);
    return *this;
  }
  ~Hdf5Id() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  // No longer closed with this.
  void release() { id_ = -1; }

 private:
  hid_t id_ = -1;
};

// One dataset: a row of `count` elements for each sample; Type::kChar is one text of `count` bytes.
struct Hdf5Column {
  struct Piece {
    uint64_t offset, bytes;  // in the value
  };
  std::string name;
  Type type = Type::kI64;
  uint64_t count = 1;
  std::string unit;
  std::vector<Piece> pieces;  // what of the value a row is; none: not of the value

  uint64_t row_bytes() const { return type_bytes(type) * count; }
  // The dataset has a second dimension, of `count`.
  bool is_array() const { return count > 1 && type != Type::kChar; }
  // `data` of a topic without fields: a row is a byte, and no sample.
  bool is_bytes() const { return name == "data" && pieces.empty(); }
  // For memory and file alike, so that no bit is converted.
  Hdf5Id element() const;
};

// The first columns of each topic, in this order: t, recv_t, seq, missed.
inline constexpr size_t kHdf5Heads = 4;

// A dataset of one number beside them: the samples that are on the disk in all columns. A column may be
// longer, with rows that were never written, where its writer was killed or its disk is full.
inline constexpr const char* kHdf5Rows = "rows";

// A dataset of 0 and 1 beside them, and not among hdf5_columns_of(), as older files have none: 1 is a value
// that stood before the file began. Its name is `initial`, or one that no column has.
Hdf5Column hdf5_initial_column(const std::vector<Hdf5Column>& columns);

// Attributes of the file: which part of which recording it is, see LogPart; and when it was completed.
inline constexpr const char* kHdf5Recording = "recording_id";
inline constexpr const char* kHdf5Part = "part";
inline constexpr const char* kHdf5NextPart = "next_part";
inline constexpr const char* kHdf5EndTime = "end_time_ns";

// All columns of a topic. With fields: one for each, and `padding` where bytes of the value are of no field.
// Without: `end`, and `data`, which has a row for each byte of all samples; `end` is where a sample's end
// there.
std::vector<Hdf5Column> hdf5_columns_of(const Schema& schema);

// Makes an attribute of `object`. False: the library failed.
bool put_attribute(hid_t object, const char* name, hid_t type, const void* value);
bool put_attribute(hid_t object, const char* name, const std::string& text);
bool put_attribute(hid_t object, const char* name, int64_t value);

// A status of `what` and the library's own text of its last error.
Status hdf5_error(Code code, const std::string& what);

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_COLUMNS_H_
