// One dataset of a topic's samples on its way into the file, chunk by chunk: docs/logging.md.
#ifndef SMT_CMD_RECORDING_HDF5_DATASET_H_
#define SMT_CMD_RECORDING_HDF5_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cmd/recording/hdf5_columns.h"
#include "cmd/recording/hdf5_packer.h"

namespace smt::cmd {

// A chunk is packed once, when it is full. Until then it lies in the file as it is, and grows in its place:
// what readers have of it never changes, and the file need not keep each of its states. Where the next
// flush will fill it, it is packed at once, as its place is lost then. A chunk that holds nothing but zeros
// is not written: the fill value says the same. One thread, which is that of the library's other calls.
class Hdf5Dataset {
 public:
  explicit Hdf5Dataset(Hdf5Column column);

  const Hdf5Column& column() const { return column_; }
  hid_t id() const { return id_.get(); }
  // In the file.
  uint64_t rows() const { return rows_; }
  // By how much the file grows at most when `rows` more are written.
  uint64_t max_growth(uint64_t rows) const;

  // False, as of the other calls: the library failed.
  bool create(hid_t group);
  // Writes `count` rows, of which each begins `stride` bytes behind the one before.
  bool append(const std::byte* first, uint64_t count, size_t stride, Hdf5Packer* packer);
  // The index of its chunks has changed since the last call.
  bool take_indexed() { return std::exchange(indexed_, false); }
  // See Hdf5Id.
  void release() { id_.release(); }

 private:
  enum class Filled { kNothing, kRaw, kPacked };  // what the file has of the chunk that is open

  void take(const std::byte* first, uint64_t count, size_t stride);
  bool write_chunk(Hdf5Packer* packer);

  Hdf5Column column_;
  Hdf5Id element_, id_;
  size_t element_bytes_;
  uint64_t chunk_rows_;
  uint64_t rows_ = 0;
  std::vector<std::byte> chunk_;  // that is open, with zeros behind its rows
  Filled filled_ = Filled::kNothing;
  bool indexed_ = false;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_DATASET_H_
