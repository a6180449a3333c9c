#include "shm/heap.h"

#include <algorithm>

#include "shm/layout.h"

namespace smt {

bool Heap::rebuild(uint64_t begin, uint64_t end, std::vector<std::pair<uint64_t, uint64_t>> used) {
  std::sort(used.begin(), used.end());
  free_.clear();
  by_size_.clear();
  end_ = end;
  uint64_t at = begin;
  for (const auto& [offset, bytes] : used) {
    if (offset < at || bytes > end || offset > end - bytes) return false;
    if (offset > at) insert(at, offset - at);
    at = offset + bytes;
  }
  if (at < end) insert(at, end - at);
  return true;
}

Result<bool> Heap::prepare(uint64_t bytes, uint64_t max_bytes, const std::string& what) {
  bytes = layout::align_up(bytes);
  const auto fits = [&] { return by_size_.lower_bound({bytes, 0}) != by_size_.end(); };
  if (fits()) return true;
  // Nothing fits: grow the end, beginning with what is free there.
  uint64_t start = end_;
  if (!free_.empty()) {
    const auto last = std::prev(free_.end());
    if (last->first + last->second == end_) start = last->first;
  }
  Result<uint64_t> end = grow_(start + bytes, max_bytes, what);
  if (!end.ok()) return end.status();
  if (*end == end_) return false;
  const uint64_t old_end = std::exchange(end_, *end);
  free(old_end, end_ - old_end);
  return fits();
}

Result<uint64_t> Heap::allocate(uint64_t bytes, const std::string& what) {
  bytes = layout::align_up(bytes);
  if (Result<bool> room = prepare(bytes, UINT64_MAX, what); !room.ok()) return room.status();
  const auto fit = by_size_.lower_bound({bytes, 0});
  const auto it = free_.find(fit->second);
  const uint64_t offset = it->first;
  const uint64_t rest = it->second - bytes;
  erase(it);
  if (rest > 0) insert(offset + bytes, rest);
  return offset;
}

void Heap::free(uint64_t offset, uint64_t bytes) {
  bytes = layout::align_up(bytes);
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && next->first == offset + bytes) {
    bytes += next->second;
    const auto gone = next++;
    erase(gone);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      erase(before);
    }
  }
  insert(offset, bytes);
}

void Heap::insert(uint64_t offset, uint64_t bytes) {
  free_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

void Heap::erase(std::map<uint64_t, uint64_t>::iterator it) {
  by_size_.erase({it->second, it->first});
  free_.erase(it);
}

}  // namespace smt
