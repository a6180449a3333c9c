// Packs the chunks of an HDF5 file.
#ifndef SMT_CMD_RECORDING_HDF5_PACKER_H_
#define SMT_CMD_RECORDING_HDF5_PACKER_H_

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace smt::cmd {

// Packs chunks as the filters shuffle and deflate of the library do, whose readers unpack them. The filters
// begin each chunk with a deflate state of their own, which takes longer than to pack a small chunk: this
// object has one for all. And most chunks of measured values do not need it: once shuffled, a plane of bytes
// is either of few runs or noise, which deflate has a form for that is written at once. One thread.
class Hdf5Packer {
 public:
  static constexpr int kLevel = 1;  // of deflate

  Hdf5Packer();
  ~Hdf5Packer();
  Hdf5Packer(const Hdf5Packer&) = delete;
  Hdf5Packer& operator=(const Hdf5Packer&) = delete;

  // `chunk` consists of elements of `element_bytes`. The result lives until the next call; empty: it would
  // not be shorter than the chunk.
  std::span<const std::byte> pack(std::span<const std::byte> chunk, size_t element_bytes);

 private:
  bool pack_planes(std::span<const std::byte> shuffled, size_t planes);

  z_stream deflate_ = {};
  std::vector<std::byte> shuffled_, packed_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_HDF5_PACKER_H_
