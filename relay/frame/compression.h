// Payload frames as zstd frames (RFC 8878), where that makes them smaller.
#ifndef SMT_RELAY_FRAME_COMPRESSION_H_
#define SMT_RELAY_FRAME_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/frame/frame.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace smt::relay {

class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&&) noexcept;

  // A frame that is smaller by a tenth at least; nothing if there is none, or if the last ones were none: the
  // longer that has been so, the more are not tried, up to 63 of 64. So bytes that do not shrink, as images,
  // cost little.
  std::optional<Frame> shrink(std::span<const std::byte> raw);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  unsigned failures_ = 0, skip_ = 0;
};

class Expander {
 public:
  Expander();
  ~Expander();
  Expander(Expander&&) noexcept;

  // The `raw_bytes` bytes that `packed` holds, valid until the next call. Nothing: it does not hold so many.
  // REQUIRES: raw_bytes is bounded by the caller.
  std::optional<std::span<const std::byte>> expand(std::span<const std::byte> packed, size_t raw_bytes);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::vector<std::byte> raw_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_FRAME_COMPRESSION_H_
