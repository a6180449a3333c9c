// Converts states and 128-bit ids between their forms in memory and on the wire.
#ifndef SMT_RELAY_MESSAGE_WIRE_H_
#define SMT_RELAY_MESSAGE_WIRE_H_

#include <algorithm>
#include <string>

#include "proto/smtrelay.pb.h"
#include "shm/freshness.h"

namespace smt::relay {

// Only what a receiver cannot see for itself is told.
inline proto::State to_wire(State state) {
  switch (state) {
    case State::kSourceDead:
      return proto::SOURCE_DEAD;
    case State::kLinkDown:
      return proto::LINK_DOWN;
    case State::kSubstituted:
      return proto::SUBSTITUTED;
    default:
      return proto::NORMAL;
  }
}

inline State from_wire(proto::State state) {
  switch (state) {
    case proto::SOURCE_DEAD:
      return State::kSourceDead;
    case proto::LINK_DOWN:
      return State::kLinkDown;
    case proto::SUBSTITUTED:
      return State::kSubstituted;
    default:
      return State::kEmpty;
  }
}

inline std::string to_wire(const Id128& id) { return std::string(id.begin(), id.end()); }

// False: these are not the bytes of an id.
inline bool from_wire(const std::string& bytes, Id128* id) {
  if (bytes.size() != id->size()) return false;
  std::copy_n(bytes.begin(), bytes.size(), id->begin());
  return true;
}

}  // namespace smt::relay

#endif  // SMT_RELAY_MESSAGE_WIRE_H_
