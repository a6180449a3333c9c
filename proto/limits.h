// What messages may hold at most. The rest is in PROTOCOL.md.
#ifndef SMT_PROTO_LIMITS_H_
#define SMT_PROTO_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace smt::proto {

// Payload frames are not larger; header frames neither.
inline constexpr size_t kMaxFrame = 512 * 1024;
// Topics in one Batch or Announce: the header stays below kMaxFrame whatever the numbers.
inline constexpr size_t kMaxTopics = 8192;
inline constexpr uint32_t kMaxHops = 8;

}  // namespace smt::proto

#endif  // SMT_PROTO_LIMITS_H_
