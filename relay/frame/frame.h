// Bytes that several messages share: a payload encoded once for many peers, a large value sent in pieces.
#ifndef SMT_RELAY_FRAME_FRAME_H_
#define SMT_RELAY_FRAME_FRAME_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace smt::relay {

// What is done with a large value in one step of a relay at most: a few milliseconds' work, where memory is
// slow. A multiple of 8.
inline constexpr size_t kPieceOfWork = 1 << 20;

// A payload of less is copied by a link whose thread is another one: copies of it are cheaper than sharing
// it, and once nobody here shares the block it can be filled anew.
inline constexpr size_t kMinShared = 1024;

// A part of an immutable block; copies share it. Empty by default.
struct Frame {
  std::shared_ptr<const std::byte[]> block;
  std::span<const std::byte> bytes;  // inside *block

  // Room for `size` bytes, not initialised: fill it through the pointer before anybody else has it. Of more
  // than kPieceOfWork the system gives each page when it is filled, and takes them back by give_back() alone:
  // all at once may take 100 ms.
  static std::shared_ptr<std::byte[]> room(size_t size);
  // Gives large rooms of this process that nobody has any more back to the system, kPieceOfWork of them.
  // True: there are more.
  static bool give_back();
  Frame part(size_t offset, size_t size) const { return {block, bytes.subspan(offset, size)}; }
};

// A value that is kept: a small one in a buffer that is used again and again, a large one in a block that
// others share.
struct KeptValue {
  std::vector<std::byte> buffer;
  Frame block;  // not empty: this is the value

  std::span<const std::byte> bytes() const { return block.block != nullptr ? block.bytes : buffer; }
  // Shares it; a small one is copied.
  Frame share() const;
};

// A header frame, as links take it.
inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace smt::relay

#endif  // SMT_RELAY_FRAME_FRAME_H_
