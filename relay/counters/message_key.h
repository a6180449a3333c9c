// What a message for people is about. A log that leaves repeats out goes by it.
#ifndef SMT_RELAY_COUNTERS_MESSAGE_KEY_H_
#define SMT_RELAY_COUNTERS_MESSAGE_KEY_H_

#include <string>
#include <utility>

namespace smt::relay {

struct MessageKey {
  // Messages of one kind about one thing repeat each other.
  MessageKey(std::string about, std::string of_kind = {})  // NOLINT: implicit by design
      : thing(std::move(about)), kind(std::move(of_kind)) {}
  // The message tells which state the thing is in from now on. It repeats only one that told the same state
  // with no other state between them; and what was told of the thing before another state is news after it.
  static MessageKey state(std::string thing, std::string state) {
    MessageKey key(std::move(thing), std::move(state));
    key.is_state = true;
    return key;
  }

  std::string thing;
  std::string kind;
  bool is_state = false;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_COUNTERS_MESSAGE_KEY_H_
