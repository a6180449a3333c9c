// Which bytes of a segment are in use. All of it lives in the owner's memory; after a crash it is rebuilt
// from what the directory says, so nothing in the segment can be inconsistent.
#ifndef SMT_SHM_HEAP_H_
#define SMT_SHM_HEAP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "shm/status.h"

namespace smt {

// Blocks are multiples of 64 bytes. Not thread-safe.
class Heap {
 public:
  // `grow(end, max_bytes, what)` backs the segment with memory up to at least `end`, but with no more than
  // about `max_bytes`, and returns how far it is backed.
  using Grow = std::function<Result<uint64_t>(uint64_t end, uint64_t max_bytes, const std::string& what)>;
  explicit Heap(Grow grow) : grow_(std::move(grow)) {}

  // [begin, end) is backed and free but for `used` (offset, bytes). False: used blocks overlap or lie
  // outside.
  bool rebuild(uint64_t begin, uint64_t end, std::vector<std::pair<uint64_t, uint64_t>> used);

  // The offset of a block; best fit.
  Result<uint64_t> allocate(uint64_t bytes, const std::string& what);
  // Backs what allocate() would have to, but no more than about `max_bytes`. True: there is room for so much.
  Result<bool> prepare(uint64_t bytes, uint64_t max_bytes, const std::string& what);
  void free(uint64_t offset, uint64_t bytes);

 private:
  void insert(uint64_t offset, uint64_t bytes);  // as it is
  void erase(std::map<uint64_t, uint64_t>::iterator it);

  Grow grow_;
  uint64_t end_ = 0;
  std::map<uint64_t, uint64_t> free_;                // offset -> bytes
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (bytes, offset)
};

}  // namespace smt

#endif  // SMT_SHM_HEAP_H_
