#include "cmd/recording/hdf5_dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace smt::cmd {
namespace {

// Of a chunk: so few that a topic of some 500 samples a second fills one with each flush.
constexpr uint64_t kChunkBytes = 16 << 10;
constexpr uint64_t kMaxChunkRows = 256;
constexpr uint32_t kNoFilters = 0x3;  // of the two, by their bits
// What the index of a dataset takes beside what follows from its number of chunks, as measured with a margin.
constexpr uint64_t kIndexBytes = 8 << 10;

uint64_t chunk_rows_of(const Hdf5Column& column) {
  const uint64_t max_rows = column.is_bytes() ? kChunkBytes : kMaxChunkRows;
  return std::clamp<uint64_t>(kChunkBytes / column.row_bytes(), 1, max_rows);
}

bool is_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} && memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

Hdf5Dataset::Hdf5Dataset(Hdf5Column column)
    : column_(std::move(column)),
      element_(column_.element()),
      element_bytes_(H5Tget_size(element_.get())),
      chunk_rows_(chunk_rows_of(column_)) {}

// The chunks, packed or not, the one that is open and its successor among them; and the index of the chunks,
// which grows by blocks that hold about as many entries as the square root of their number.
uint64_t Hdf5Dataset::max_growth(uint64_t rows) const {
  if (rows == 0) return 0;
  const uint64_t chunk_bytes = chunk_rows_ * column_.row_bytes();
  const uint64_t chunks = (rows_ + rows) / chunk_rows_ + 1;
  const uint64_t raw = rows * column_.row_bytes() + 2 * chunk_bytes;
  return raw + 128 * static_cast<uint64_t>(std::sqrt(static_cast<double>(chunks))) + kIndexBytes;
}

bool Hdf5Dataset::create(hid_t group) {
  const int rank = column_.is_array() ? 2 : 1;
  const hsize_t none[2] = {0, column_.count}, max[2] = {H5S_UNLIMITED, column_.count};
  const hsize_t chunk[2] = {chunk_rows_, column_.count};
  const Hdf5Id space(H5Screate_simple(rank, none, max)), create(H5Pcreate(H5P_DATASET_CREATE));
  const Hdf5Id access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk(create.get(), rank, chunk);
  H5Pset_shuffle(create.get());
  H5Pset_deflate(create.get(), Hdf5Packer::kLevel);
  H5Pset_chunk_cache(access.get(), 1, 0, H5D_CHUNK_CACHE_W0_DEFAULT);  // chunks go past it
  id_ = Hdf5Id(H5Dcreate2(group, column_.name.c_str(), element_.get(), space.get(), H5P_DEFAULT, create.get(),
                          access.get()));
  return id_.ok() && (column_.unit.empty() || put_attribute(id_.get(), "units", column_.unit));
}

void Hdf5Dataset::take(const std::byte* first, uint64_t count, size_t stride) {
  const size_t row_bytes = column_.row_bytes();
  std::byte* to = chunk_.data() + rows_ % chunk_rows_ * row_bytes;
  if (stride == row_bytes) {
    memcpy(to, first, count * row_bytes);
  } else if (row_bytes == 8) {  // most are
    for (uint64_t i = 0; i < count; ++i) memcpy(to + i * 8, first + i * stride, 8);
  } else {
    for (uint64_t i = 0; i < count; ++i) memcpy(to + i * row_bytes, first + i * stride, row_bytes);
  }
  rows_ += count;
}

bool Hdf5Dataset::append(const std::byte* first, uint64_t count, size_t stride, Hdf5Packer* packer) {
  if (count == 0) return true;
  const uint64_t all = count;
  const hsize_t size[2] = {rows_ + count, column_.count};
  if (H5Dset_extent(id_.get(), size) < 0) return false;
  chunk_.resize(chunk_rows_ * column_.row_bytes());
  while (count != 0) {
    const uint64_t fits = std::min(count, chunk_rows_ - rows_ % chunk_rows_);
    take(first, fits, stride);
    count -= fits;
    first += fits * stride;
    const bool is_full = rows_ % chunk_rows_ == 0;
    // As many rows will fill it.
    const bool soon_full = filled_ == Filled::kNothing && chunk_rows_ - rows_ % chunk_rows_ <= all;
    if (!write_chunk(is_full || soon_full ? packer : nullptr)) return false;
    if (!is_full) continue;
    std::fill(chunk_.begin(), chunk_.end(), std::byte{0});
    filled_ = Filled::kNothing;
  }
  return true;
}

bool Hdf5Dataset::write_chunk(Hdf5Packer* packer) {
  if (filled_ == Filled::kNothing && is_zero(chunk_)) return true;
  std::span<const std::byte> bytes;
  if (packer != nullptr) bytes = packer->pack(chunk_, element_bytes_);
  const Filled now = bytes.empty() ? Filled::kRaw : Filled::kPacked;
  if (now == Filled::kRaw) bytes = chunk_;
  const hsize_t begin[2] = {(rows_ - 1) / chunk_rows_ * chunk_rows_, 0};
  if (H5Dwrite_chunk(id_.get(), H5P_DEFAULT, now == Filled::kRaw ? kNoFilters : 0, begin, bytes.size(),
                     bytes.data()) < 0) {
    return false;
  }
  indexed_ = indexed_ || now == Filled::kPacked || filled_ != now;
  filled_ = now;
  return true;
}

}  // namespace smt::cmd
