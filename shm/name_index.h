// Finds what has a name by that name, where names are held once and elsewhere. Internal to libsmt and its
// relays.
#ifndef SMT_SHM_NAME_INDEX_H_
#define SMT_SHM_NAME_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace smt {

// Numbers of things that have names, such as the topics of a vector by their places in it. A number takes 10
// to 20 bytes here; an unordered_map with a copy of the name would take 64 and the name.
//
// `name_of(number)` is the name of a number that is here, convertible to string_view, the same at each call
// until the number is erased.
class NameIndex {
 public:
  size_t size() const { return size_; }
  // Memory that it takes.
  size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

  // Nothing: no number here is called so.
  template <class NameOf>
  std::optional<uint32_t> find(std::string_view name, NameOf name_of) const {
    if (size_ == 0) return std::nullopt;
    const uint32_t hash = hash_of(name);
    for (size_t at = home(hash); slots_[at].number != kNone; at = next(at)) {
      if (slots_[at].hash == hash && std::string_view(name_of(slots_[at].number)) == name)
        return slots_[at].number;
    }
    return std::nullopt;
  }
  // REQUIRES: neither the number nor another one of this name is here
  void insert(std::string_view name, uint32_t number) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    place({hash_of(name), number});
    ++size_;
  }
  // REQUIRES: the number is here, under this name
  void erase(std::string_view name, uint32_t number) {
    size_t hole = home(hash_of(name));
    while (slots_[hole].number != number) hole = next(hole);
    // What follows without a gap moves up, unless its home lies behind the hole.
    for (size_t at = next(hole); slots_[at].number != kNone; at = next(at)) {
      if (distance(home(slots_[at].hash), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot();
    --size_;
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr size_t kMinSlots = 16;
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = kNone;
  };

  static uint32_t hash_of(std::string_view name) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(name));
  }
  size_t home(uint32_t hash) const { return hash & (slots_.size() - 1); }
  size_t next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  size_t distance(size_t from, size_t to) const { return (to - from) & (slots_.size() - 1); }
  void place(Slot slot) {
    size_t at = home(slot.hash);
    while (slots_[at].number != kNone) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    const std::vector<Slot> before =
        std::exchange(slots_, std::vector<Slot>(slots_.empty() ? kMinSlots : 2 * slots_.size()));
    for (const Slot& slot : before) {
      if (slot.number != kNone) place(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at least a quarter free; or none
  size_t size_ = 0;
};

}  // namespace smt

#endif  // SMT_SHM_NAME_INDEX_H_
