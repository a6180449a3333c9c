#include "shm/freshness.h"

namespace smt {

std::string_view state_name(State state) {
  switch (state) {
    case State::kEmpty:
      return "empty";
    case State::kFresh:
      return "fresh";
    case State::kStale:
      return "stale";
    case State::kSourceDead:
      return "source-dead";
    case State::kLinkDown:
      return "link-down";
    case State::kSubstituted:
      return "substituted";
    case State::kRemoved:
      return "removed";
  }
  return "unknown";
}

std::string hex_id(const Id128& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t b : id) {
    text += kDigits[b >> 4];
    text += kDigits[b & 15];
  }
  return text;
}

}  // namespace smt
