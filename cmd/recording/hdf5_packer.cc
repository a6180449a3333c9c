#include "cmd/recording/hdf5_packer.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <new>

namespace smt::cmd {
namespace {

constexpr size_t kMaxStored = 65535;  // bytes of a block
constexpr size_t kMinMatch = 3, kMaxMatch = 258;

enum class Plane { kRuns, kNoise, kOther };

// Runs: a sixteenth of the bytes differ from the byte before at most. Noise: a quarter of all values is
// there.
Plane kind_of(std::span<const std::byte> plane) {
  size_t changes = 0;
  for (size_t i = 1; i < plane.size(); ++i) changes += plane[i] != plane[i - 1] ? 1 : 0;
  if (changes <= plane.size() / 16) return Plane::kRuns;
  std::bitset<256> values;
  for (const std::byte b : plane) values.set(static_cast<size_t>(b));
  return values.count() >= std::min<size_t>(plane.size(), 256) / 4 ? Plane::kNoise : Plane::kOther;
}

// A zlib stream (RFC 1950) of stored blocks and of blocks with fixed codes (RFC 1951), in which runs are
// matches at distance 1.
class RunStream {
 public:
  explicit RunStream(std::vector<std::byte>* out) : out_(out) {
    out_->clear();
    put_byte(0x78);
    put_byte(0x01);
  }
  void store(std::span<const std::byte> bytes) {
    end_block();
    while (!bytes.empty()) {
      const auto some = bytes.first(std::min(bytes.size(), kMaxStored));
      put_bits(0, 3);
      align();
      put_byte(some.size() & 0xff), put_byte(some.size() >> 8);
      put_byte(~some.size() & 0xff), put_byte(~some.size() >> 8 & 0xff);
      out_->insert(out_->end(), some.begin(), some.end());
      bytes = bytes.subspan(some.size());
    }
  }
  void put_runs(std::span<const std::byte> bytes) {
    begin_block();
    while (!bytes.empty()) {
      const auto end = std::find_if(bytes.begin(), bytes.end(), [&](std::byte b) { return b != bytes[0]; });
      const auto run = static_cast<size_t>(end - bytes.begin());
      put_literal(bytes[0]);
      size_t left = run - 1;
      for (; left >= kMinMatch; left -= std::min(left, kMaxMatch)) put_match(std::min(left, kMaxMatch));
      for (; left != 0; --left) put_literal(bytes[0]);
      bytes = bytes.subspan(run);
    }
  }
  void end(std::span<const std::byte> all) {
    end_block();
    put_bits(1, 1), put_bits(1, 2), put_bits(0, 7);  // the last block, which is empty
    align();
    const auto check = static_cast<uint32_t>(
        adler32(1, reinterpret_cast<const Bytef*>(all.data()), static_cast<uInt>(all.size())));
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(check >> shift & 0xff);
  }

 private:
  void put_byte(uint64_t byte) { out_->push_back(static_cast<std::byte>(byte)); }
  void put_bits(uint32_t bits, int count) {
    bits_ |= bits << count_;
    for (count_ += count; count_ >= 8; count_ -= 8, bits_ >>= 8) put_byte(bits_ & 0xff);
  }
  // Codes begin with their highest bit.
  void put_code(uint32_t code, int count) {
    uint32_t turned = 0;
    for (int i = 0; i < count; ++i) turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(turned, count);
  }
  void align() {
    if (count_ != 0) put_bits(0, 8 - count_);
  }
  void begin_block() {
    if (!is_open_) put_bits(0, 1), put_bits(1, 2);
    is_open_ = true;
  }
  void end_block() {
    if (is_open_) put_bits(0, 7);
    is_open_ = false;
  }
  void put_literal(std::byte byte) {
    const auto value = static_cast<uint32_t>(byte);
    value < 144 ? put_code(0x30 + value, 8) : put_code(0x190 + value - 144, 9);
  }
  void put_match(size_t length) {
    // Codes 257 to 284 come in fours of as many extra bits; the first eight have none, and 285 is the
    // longest.
    uint32_t code = 285, extra = 0;
    int extra_bits = 0;
    if (const auto over = static_cast<uint32_t>(length - kMinMatch); over < 8) {
      code = 257 + over;
    } else if (length != kMaxMatch) {
      while (over >> (extra_bits + 3) != 0) ++extra_bits;
      code = 261 + 4 * static_cast<uint32_t>(extra_bits) + (over >> extra_bits & 3);
      extra = over & ((1u << extra_bits) - 1);
    }
    code < 280 ? put_code(code - 256, 7) : put_code(0xc0 + code - 280, 8);
    put_bits(extra, extra_bits);
    put_bits(0, 5);  // distance 1
  }

  std::vector<std::byte>* out_;
  uint32_t bits_ = 0;
  int count_ = 0;  // of bits
  bool is_open_ = false;
};

}  // namespace

Hdf5Packer::Hdf5Packer() {
  if (deflateInit(&deflate_, kLevel) != Z_OK) throw std::bad_alloc();
}

Hdf5Packer::~Hdf5Packer() { deflateEnd(&deflate_); }

// Into packed_. False: a plane is neither of few runs nor noise.
bool Hdf5Packer::pack_planes(std::span<const std::byte> shuffled, size_t planes) {
  const size_t bytes = shuffled.size() / planes;
  if (bytes * planes != shuffled.size() || bytes < 16) return false;
  RunStream stream(&packed_);
  for (size_t i = 0; i < planes; ++i) {
    const auto plane = shuffled.subspan(i * bytes, bytes);
    const Plane kind = kind_of(plane);
    if (kind == Plane::kOther) return false;
    kind == Plane::kRuns ? stream.put_runs(plane) : stream.store(plane);
  }
  stream.end(shuffled);
  return true;
}

std::span<const std::byte> Hdf5Packer::pack(std::span<const std::byte> chunk, size_t element_bytes) {
  const size_t elements = chunk.size() / element_bytes;
  std::span<const std::byte> raw = chunk;
  if (element_bytes > 1 && elements > 1) {
    shuffled_.resize(chunk.size());
    std::byte* to = shuffled_.data();
    for (size_t byte = 0; byte < element_bytes; ++byte) {
      const std::byte* from = chunk.data() + byte;
      for (size_t i = 0; i < elements; ++i) to[i] = from[i * element_bytes];
      to += elements;
    }
    raw = shuffled_;
    if (pack_planes(raw, element_bytes)) {
      return packed_.size() < chunk.size() ? std::span<const std::byte>(packed_)
                                           : std::span<const std::byte>();
    }
  }
  packed_.resize(chunk.size());
  deflateReset(&deflate_);
  deflate_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(raw.data()));
  deflate_.avail_in = static_cast<uInt>(raw.size());
  deflate_.next_out = reinterpret_cast<Bytef*>(packed_.data());
  deflate_.avail_out = static_cast<uInt>(packed_.size() - 1);
  if (deflate(&deflate_, Z_FINISH) != Z_STREAM_END) return {};
  return std::span(packed_).first(deflate_.total_out);
}

}  // namespace smt::cmd
