#include "relay/frame/frame.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace smt::relay {

namespace {

// Large rooms that nobody has any more.
class LeftRooms {
 public:
  // Any thread.
  void add(std::byte* room, size_t size) {
    const std::lock_guard lock(mutex_);
    rooms_.emplace_back(room, size);
    left_ = true;
  }
  bool give_back(size_t bytes) {
    if (!left_.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    // The end of the last one.
    std::span<std::byte>& room = rooms_.back();
    const size_t part = std::min(room.size(), bytes);
    munmap(room.data() + room.size() - part, part);
    room = room.first(room.size() - part);
    if (room.empty()) rooms_.pop_back();
    left_ = !rooms_.empty();
    return left_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::span<std::byte>> rooms_;
  std::atomic<bool> left_{false};  // rooms_ is not empty
};

// Rooms may be left until the process ends.
LeftRooms& left_rooms() {
  static auto* const rooms = new LeftRooms;
  return *rooms;
}

}  // namespace

std::shared_ptr<std::byte[]> Frame::room(size_t size) {
  if (size <= kPieceOfWork) return std::make_shared_for_overwrite<std::byte[]>(size);
  constexpr size_t kMaxPage = 64 << 10;
  size = (size + kMaxPage - 1) / kMaxPage * kMaxPage;
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  auto* const room = static_cast<std::byte*>(at);
  LeftRooms& left = left_rooms();
  return std::shared_ptr<std::byte[]>(room, [&left, size](std::byte* r) { left.add(r, size); });
}

Frame KeptValue::share() const {
  if (block.block != nullptr) return block;
  std::shared_ptr<std::byte[]> room = Frame::room(buffer.size());
  std::copy(buffer.begin(), buffer.end(), room.get());
  const std::span<const std::byte> bytes(room.get(), buffer.size());
  return {std::move(room), bytes};
}

bool Frame::give_back() { return left_rooms().give_back(kPieceOfWork); }

}  // namespace smt::relay
