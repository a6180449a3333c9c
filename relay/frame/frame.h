// Bytes that several messages share: a payload encoded once for many peers, a large value sent in pieces.
#ifndef SMT_RELAY_FRAME_FRAME_H_
#define SMT_RELAY_FRAME_FRAME_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace smt::relay {

// A part of an immutable block; copies share it. Empty by default.
struct Frame {
  std::shared_ptr<const std::byte[]> block;
  std::span<const std::byte> bytes;  // inside *block

  // Room for `size` bytes, not initialised: fill it through the pointer before anybody else has it.
  static std::shared_ptr<std::byte[]> room(size_t size) {
    return std::make_shared_for_overwrite<std::byte[]>(size);
  }
  Frame part(size_t offset, size_t size) const { return {block, bytes.subspan(offset, size)}; }
};

// A header frame, as links take it.
inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace smt::relay

#endif  // SMT_RELAY_FRAME_FRAME_H_
