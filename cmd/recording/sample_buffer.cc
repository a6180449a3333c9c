#include "cmd/recording/sample_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

constexpr size_t kBufferBlockBytes = 256 << 10;
constexpr size_t kMaxSpare = 4;
// The writer wakes up for so many bytes, or after so long.
constexpr uint64_t kEnoughBytes = 1 << 20;
constexpr int64_t kLingerNs = 20'000'000;

// Of an entry in a block; its bytes follow, up to a multiple of 8.
struct Head {
  const LogTopic* topic;
  uint64_t sequence;
  int64_t stamp_ns, receive_ns;
  uint64_t missed, lacking, size;
  BufferedEntry::Kind kind;
};

std::byte* map(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(at);
}

size_t bytes_of(size_t size) { return sizeof(Head) + (size + 7) / 8 * 8; }

}  // namespace

// Mapped, so that it is gone when it is given back.
SampleBuffer::Block::Block(size_t capacity) : bytes_(map(capacity), Unmap{capacity}), capacity_(capacity) {}

void SampleBuffer::Block::Unmap::operator()(std::byte* at) const { munmap(at, bytes); }

bool SampleBuffer::Block::next(size_t* at, BufferedEntry* entry) const {
  if (*at >= used_) return false;
  Head head;
  memcpy(&head, bytes_.get() + *at, sizeof head);
  *entry = {
      head.kind,       head.topic,  head.sequence, head.stamp_ns,
      head.receive_ns, head.missed, head.lacking,  std::span(bytes_.get() + *at + sizeof head, head.size)};
  *at += bytes_of(head.size);
  return true;
}

bool SampleBuffer::is_enough() const { return queued_ >= std::min(kEnoughBytes, max_bytes_ / 4); }

bool SampleBuffer::put(const BufferedEntry& entry) {
  const size_t bytes = bytes_of(entry.bytes.size());
  const std::lock_guard lock(mutex_);
  const size_t rest = blocks_.empty() ? 0 : blocks_.back().capacity_ - blocks_.back().used_;
  const size_t lost = rest < bytes ? rest : 0;  // the rest of a block that another one follows
  if (level_ + lost + bytes > max_bytes_) return false;
  if (rest < bytes) {
    if (!blocks_.empty()) blocks_.back().charged_ += lost;
    if (bytes > kBufferBlockBytes || spare_.empty()) {
      blocks_.emplace_back(std::max(bytes, kBufferBlockBytes));
    } else {
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  Block& block = blocks_.back();
  const Head head = {entry.topic,  entry.sequence, entry.stamp_ns,     entry.receive_ns,
                     entry.missed, entry.lacking,  entry.bytes.size(), entry.kind};
  std::byte* to = block.bytes_.get() + block.used_;
  memcpy(to, &head, sizeof head);
  if (!entry.bytes.empty()) memcpy(to + sizeof head, entry.bytes.data(), entry.bytes.size());
  block.used_ += bytes;
  block.charged_ += bytes;
  block.boottime_ns_ = boottime_ns_;
  block.wall_offset_ns_ = wall_offset_ns_;
  level_ += lost + bytes;
  max_level_ = std::max(max_level_, level_);
  const bool first = queued_ == 0, was_enough = is_enough();
  queued_ += bytes;
  if (first || (!was_enough && is_enough())) changed_.notify_one();
  return true;
}

void SampleBuffer::lose(const LogTopic* topic, const BufferLosses& losses) {
  const std::lock_guard lock(mutex_);
  losses_[topic].missed += losses.missed;
  losses_[topic].overflowed += losses.overflowed;
}

void SampleBuffer::clock(int64_t boottime_ns, int64_t wall_offset_ns) {
  const std::lock_guard lock(mutex_);
  boottime_ns_ = boottime_ns;
  wall_offset_ns_ = wall_offset_ns;
}

void SampleBuffer::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_one();
}

SampleBuffer::Taken SampleBuffer::take(int64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  const auto wait_until = [&](int64_t until_ns, auto is_due) {
    const std::chrono::nanoseconds left(until_ns == kNever ? kNever : until_ns - boottime_ns());
    if (until_ns == kNever) {
      changed_.wait(lock, is_due);
    } else {
      changed_.wait_for(lock, left, is_due);
    }
  };
  wait_until(deadline_ns, [&] { return ended_ || queued_ != 0; });
  if (queued_ != 0) {
    wait_until(std::min(deadline_ns, taken_ns_ + kLingerNs), [&] { return ended_ || is_enough(); });
  }
  queued_ = 0;
  taken_ns_ = boottime_ns();
  return {std::exchange(blocks_, {}), std::exchange(losses_, {}), ended_, taken_ns_};
}

void SampleBuffer::give_back(Block block) {
  const std::lock_guard lock(mutex_);
  level_ -= block.charged_;
  if (block.capacity_ != kBufferBlockBytes || spare_.size() == kMaxSpare) return;
  block.used_ = 0;
  block.charged_ = 0;
  spare_.push_back(std::move(block));
}

uint64_t SampleBuffer::level() const {
  const std::lock_guard lock(mutex_);
  return level_;
}

uint64_t SampleBuffer::max_level() const {
  const std::lock_guard lock(mutex_);
  return max_level_;
}

}  // namespace smt::cmd
