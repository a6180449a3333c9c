// The buffer that holds what a recorder takes, between the thread that samples and the thread that writes.
#ifndef SMT_CMD_RECORDING_SAMPLE_BUFFER_H_
#define SMT_CMD_RECORDING_SAMPLE_BUFFER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cmd/recording/log_file.h"

namespace smt::cmd {

struct BufferedEntry {
  enum class Kind : uint32_t {
    kSample,
    kInitial,  // the value of the topic that stood before the recording began
    kTopic,    // one that has no sample yet
    kEvent,    // the bytes are a LogEvent
  };
  Kind kind = Kind::kSample;
  const LogTopic* topic = nullptr;  // which outlives the buffer; null: an event
  uint64_t sequence = 0;
  int64_t stamp_ns = 0, receive_ns = 0;
  uint64_t missed = 0;   // that were overwritten in the ring just before it
  uint64_t lacking = 0;  // before that, of those that lose() was told of
  std::span<const std::byte> bytes;
};

// The buffer counts these of each topic beside what its entries tell.
struct BufferLosses {
  uint64_t missed = 0;      // that were overwritten in the ring before a sample that overflowed
  uint64_t overflowed = 0;  // that the buffer had no room for
};

// Entries in the order in which they were put. The sampling thread puts and ends, the writing thread takes
// and gives back; neither waits for the other while it does so. Memory is taken as it is needed, and given
// back.
class SampleBuffer {
 public:
  // Entries up to some time, one behind the other.
  class Block {
   public:
    explicit Block(size_t capacity);
    // Moves `*at`, 0 at first, to the next one. False: there is none.
    bool next(size_t* at, BufferedEntry* entry) const;
    // Both times are those of the last clock() before the last entry of the block.
    int64_t boottime_ns() const { return boottime_ns_; }
    int64_t wall_offset_ns() const { return wall_offset_ns_; }

   private:
    friend class SampleBuffer;
    struct Unmap {
      size_t bytes;
      void operator()(std::byte* at) const;
    };
    std::unique_ptr<std::byte, Unmap> bytes_;
    size_t capacity_, used_ = 0;
    uint64_t charged_ = 0;  // of the level: what is used, and the rest if that stays free
    int64_t boottime_ns_ = 0, wall_offset_ns_ = 0;
  };
  struct Taken {
    std::vector<Block> blocks;
    std::map<const LogTopic*, BufferLosses> losses;  // since the last take()
    bool ended = false;                              // nothing more comes
    int64_t boottime_ns = 0;                         // of the call's return
  };

  explicit SampleBuffer(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // The sampling thread calls the next four. put() returns false where there is no room.
  bool put(const BufferedEntry& entry);
  void lose(const LogTopic* topic, const BufferLosses& losses);
  // Entries from now on are of that time; REALTIME is `wall_offset_ns` more.
  void clock(int64_t boottime_ns, int64_t wall_offset_ns);
  void end();

  // The writing thread calls the next two. take() waits for entries or end(), until the BOOTTIME
  // `deadline_ns`. It returns often enough for little to wait, and seldom enough to wake up for many samples
  // at once.
  Taken take(int64_t deadline_ns);
  // The entries of `block` are written.
  void give_back(Block block);

  // Any thread calls these.
  uint64_t max_bytes() const { return max_bytes_; }
  uint64_t level() const;
  uint64_t max_level() const;

 private:
  bool is_enough() const;

  const uint64_t max_bytes_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<Block> blocks_, spare_;
  uint64_t queued_ = 0, level_ = 0, max_level_ = 0;  // bytes; level: with those taken and not given back
  int64_t boottime_ns_ = 0, wall_offset_ns_ = 0;
  std::map<const LogTopic*, BufferLosses> losses_;
  bool ended_ = false;
  int64_t taken_ns_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_SAMPLE_BUFFER_H_
