// The bytes of a segment and of a bell, and nothing else. shm/LAYOUT.md explains them, shm/ordering.h holds
// every memory ordering, tests/shm/layout_test.cc keeps page and structs together.
//
// kLayoutVersion grows when the width, the order or the MEANING of a field changes; CHANGELOG.md then says
// so.
#ifndef SMT_SHM_LAYOUT_H_
#define SMT_SHM_LAYOUT_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace smt::layout {

static_assert(std::endian::native == std::endian::little,
              "smtrelay's memory layout is little-endian: this host is big-endian and cannot share it");

using Word = std::atomic<uint64_t>;
using Half = std::atomic<uint32_t>;
// Not is_always_lock_free, which clang for 32-bit x86 denies: it thinks of a plain uint64_t, aligned to 4
// there.
static_assert(sizeof(Word) == 8 && alignof(Word) == 8 && __atomic_always_lock_free(8, nullptr));
static_assert(sizeof(Half) == 4 && alignof(Half) == 4 && __atomic_always_lock_free(4, nullptr));

inline constexpr uint64_t kMagic = 0x31474553'544d5353;  // "SSMTSEG1" in memory
inline constexpr uint32_t kLayoutVersion = 1;
inline constexpr uint32_t kEndianMark = 0x01020304;
inline constexpr uint64_t kHeaderBytes = 4096;
inline constexpr uint64_t kAlign = 64;      // of every block in the segment
inline constexpr uint32_t kNameBytes = 64;  // node, host and domain names, NUL-padded
inline constexpr uint32_t kTopicNameBytes = 255;
inline constexpr uint32_t kFirstBlockTopics = 64;  // directory block k holds 64 << k topics
inline constexpr uint32_t kBlocks = 13;            // so a node has at most 64 * (2^13 - 1) = 524,224 topics
inline constexpr uint32_t kMaxTopics = kFirstBlockTopics * ((1u << kBlocks) - 1);
inline constexpr uint32_t kMinSlots = 4;
inline constexpr uint32_t kMaxSlots = 1u << 24;
inline constexpr uint64_t kMaxPosition = uint64_t{1} << 62;  // so that 2 * position never overflows
inline constexpr uint64_t kMinSegmentBytes = 64 * 1024;
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 44;
inline constexpr uint64_t kMaxSchemaBytes = 1u << 20;
inline constexpr uint64_t kBellBytes = 4096;

// Header::closed; any other value but 0 means as much as kClosed.
inline constexpr uint32_t kClosed = 1;
inline constexpr uint32_t kRemoving = 2;  // and removes the bell, then the segment

enum class Kind : uint32_t { kLocal = 0, kMirror = 1 };

// Offset 0 of a segment. The first 64 bytes are the same in every layout version, for ever.
struct Header {
  // Constant after birth.
  uint64_t magic;
  uint32_t version;
  uint32_t endian;
  uint64_t size;   // bytes of the file
  uint8_t id[16];  // random; (id, sequence) names a sample everywhere
  Half retired;    // 1: replaced by another file of the same name
  Half closed;     // kClosed, kRemoving: the owner ended cleanly; 0 again when adopted
  uint8_t zero[16];

  // Constant after birth.
  uint32_t header_bytes;
  uint32_t kind;            // Kind
  uint64_t time_namespace;  // inode of /proc/self/ns/time: born and written count in this one
  uint8_t boot_id[16];
  char node[kNameBytes];
  alignas(8) char host[kNameBytes];  // set at each adoption too, in words
  uint8_t predecessor[16];  // id of the segment that this one goes on for, see Node::remake; 0: of none
  uint8_t zero2[16];

  // Set at birth and at each adoption; for messages only, but for `epoch`.
  alignas(64) Word epoch;  // 1 at birth, + 1 at each adoption
  Word pid;                // in the owner's PID namespace
  Word started;            // REALTIME nanoseconds
  Word half_written;       // slots found half-written by adoptions, in all
  Half keep;               // not 0: who removes what dead nodes left is asked to leave this one

  // Grow only, under the owner's mutex.
  alignas(64) Word reserved;  // bytes from offset 0 that are backed by memory
  Word topic_limit;           // entries [0, topic_limit) have been used
  Word directory_version;     // + 1 at each advertise, growth and remove
  Word block_count;
  alignas(64) Word block[kBlocks];  // offset of directory block k

  alignas(64) Half word;         // futex word: + 1 at each ring
  alignas(64) Word alive_until;  // mirror: BOOTTIME up to which the relay vouches; local: 0
};

// Directory block k: Word counter[64 << k], then Entry entry[64 << k].
// The counter of topic i is the head of its ring: the position of the newest complete sample, 0 = none ever.
struct Entry {
  Word generation;  // odd: live, record[(generation / 2) % 2] describes it; even: dead or never used
  Word record[2];   // offsets of Record
  Word zero;
};

// A topic, in the heap. Constant after its generation is published, except where said.
struct Record {
  uint64_t block_bytes;  // this record, its name and its ring
  uint64_t generation;   // of the entry that points here
  uint32_t topic_index;
  uint32_t slot_count;      // power of two, >= 4
  uint64_t slot_stride;     // bytes, multiple of 64
  uint64_t max_bytes;       // of a value
  uint64_t first_position;  // positions before it are not this topic's
  uint64_t first_sequence;  // the sequence of the topic's first sample at its source
  uint64_t schema_offset;   // of Blob
  uint64_t schema_hash;
  uint64_t origin_offset;  // of Origin; 0 for a local topic
  uint32_t name_bytes;
  uint32_t variable;  // 1: values have any size up to max_bytes, and the owner may grow it
  Word max_age_ns;    // 0: none. Any time.
  Word epoch;         // header epoch of the last publish or confirmation. Any time, grows.
  Half state;         // mirror: State told by the source (State::kEmpty = nothing told). Any time.
  uint32_t hops;      // relays between the origin and here; 0 for a local topic
  // Mirror, any time; 0: not known.
  Word delay_ns;      // of a sample on the way from the relay before, one way
  Word age_error_ns;  // how wrong the newest sample's age may be
  // char name[name_bytes], zero-padded to 64; then slot_count slots
};

struct Slot {
  Word lock;  // 2 * position - 1 while being written, 2 * position when complete, 0 = never or repaired
  Word sequence;
  Word stamp;
  Word born;
  Word written;
  Word bytes;
  // Word payload[]
};

// Schema text and other immutable bytes, stored once.
struct Blob {
  uint64_t block_bytes;
  uint64_t bytes;
  // char text[bytes]
};

struct Origin {
  uint64_t block_bytes;
  uint8_t origin_id[16];
  uint8_t segment_id[16];
  char host[kNameBytes];
  char domain[kNameBytes];
  char node[kNameBytes];
  uint8_t zero[24];
};

// <node>.bell: the one memory that readers may write. Never data.
struct Bell {
  Half bits;  // bit 31: somebody sleeps in the futex; bit k: waiter k of the domain is armed
};
inline constexpr uint32_t kSleeperBit = 1u << 31;
inline constexpr uint32_t kWaiters = 31;

static_assert(std::is_standard_layout_v<Header> && std::is_standard_layout_v<Record>);
static_assert(offsetof(Header, id) == 24 && offsetof(Header, retired) == 40 &&
              offsetof(Header, closed) == 44);
static_assert(offsetof(Header, header_bytes) == 64 && offsetof(Header, time_namespace) == 72);
static_assert(offsetof(Header, boot_id) == 80 && offsetof(Header, node) == 96 &&
              offsetof(Header, host) == 160);
static_assert(offsetof(Header, epoch) == 256 && offsetof(Header, reserved) == 320);
static_assert(offsetof(Header, block) == 384 && offsetof(Header, word) == 512);
static_assert(offsetof(Header, alive_until) == 576 && sizeof(Header) == 640);
static_assert(sizeof(Entry) == 32 && sizeof(Record) == 128 && sizeof(Slot) == 48);
static_assert(sizeof(Blob) == 16 && sizeof(Origin) == 256);

constexpr uint64_t align_up(uint64_t n, uint64_t to = kAlign) { return (n + to - 1) / to * to; }
constexpr uint64_t slot_stride(uint64_t max_bytes) { return align_up(sizeof(Slot) + align_up(max_bytes, 8)); }
constexpr uint64_t ring_offset(uint64_t name_bytes) { return align_up(sizeof(Record) + name_bytes); }
constexpr uint64_t block_topics(uint32_t block) { return uint64_t{kFirstBlockTopics} << block; }
constexpr uint64_t bytes_of_block(uint32_t block) {
  return block_topics(block) * (sizeof(Word) + sizeof(Entry));
}
// Topic index -> its directory block, and its place in there.
constexpr uint32_t block_of(uint32_t index) { return std::bit_width(index / kFirstBlockTopics + 1) - 1; }
constexpr uint32_t place_of(uint32_t index) {
  return index - kFirstBlockTopics * ((1u << block_of(index)) - 1);
}

}  // namespace smt::layout

#endif  // SMT_SHM_LAYOUT_H_
