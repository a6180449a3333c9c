#include "relay/frame/compression.h"

#include <zstd.h>

#include <algorithm>

namespace smt::relay {

namespace {

constexpr size_t kMinBytes = 128;  // what is smaller hardly ever shrinks
constexpr unsigned kMaxSkipped = 63;
constexpr int kLevel = 1;

}  // namespace

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void Expander::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }
Compressor::Compressor() = default;
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Expander::Expander() = default;
Expander::~Expander() = default;
Expander::Expander(Expander&&) noexcept = default;

std::optional<Frame> Compressor::shrink(std::span<const std::byte> raw) {
  if (raw.size() < kMinBytes) return std::nullopt;
  if (skip_ > 0) {
    --skip_;
    return std::nullopt;
  }
  if (context_ == nullptr) context_.reset(ZSTD_createCCtx());
  const size_t max = raw.size() - raw.size() / 10;
  std::shared_ptr<std::byte[]> room = Frame::room(max);
  // Fails as soon as the room is used up.
  const size_t bytes = ZSTD_compressCCtx(context_.get(), room.get(), max, raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(bytes) != 0) {
    skip_ = std::min((1u << std::min(failures_, 6u)) - 1, kMaxSkipped);
    ++failures_;
    return std::nullopt;
  }
  failures_ = 0;
  Frame packed;
  packed.bytes = {room.get(), bytes};
  packed.block = std::move(room);
  return packed;
}

std::optional<std::span<const std::byte>> Expander::expand(std::span<const std::byte> packed,
                                                           size_t raw_bytes) {
  if (context_ == nullptr) context_.reset(ZSTD_createDCtx());
  raw_.resize(raw_bytes);
  const size_t bytes =
      ZSTD_decompressDCtx(context_.get(), raw_.data(), raw_bytes, packed.data(), packed.size());
  if (ZSTD_isError(bytes) != 0 || bytes != raw_bytes) return std::nullopt;
  return raw_;
}

}  // namespace smt::relay
