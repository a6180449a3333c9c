// A log that a repeating message does not fill: it is told at its first time, then at most once a minute,
// with the number of times that it came in between. A change of state is no repeat: it is told at once.
#ifndef SMT_CMD_SERVE_REPEAT_LOG_H_
#define SMT_CMD_SERVE_REPEAT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "relay/counters/message_key.h"
#include "relay/counters/severity.h"

namespace smt::cmd {

// Reads no clock. Holds no more than kMaxKeys messages: those beyond count as one.
class RepeatLog {
 public:
  using Sink = std::function<void(relay::Severity severity, const std::string& text)>;
  static constexpr size_t kMaxKeys = 1000;
  static constexpr int64_t kIntervalNs = 60'000'000'000;
  // A thing may change its state so often within a minute. Of one that changes more often, the state that it
  // is in is told once in kChangeNs, with the number of those that were left out.
  static constexpr int64_t kMaxChanges = 30, kChangeNs = kIntervalNs / kMaxChanges;

  explicit RepeatLog(Sink sink) : sink_(std::move(sink)) {}

  // Of messages that repeat each other the last text counts.
  void log(relay::Severity severity, const relay::MessageKey& key, const std::string& text, int64_t now_ns);
  // Tells what was held back and whose time has come: to be called each second or so.
  void tick(int64_t now_ns);
  // Tells all that was held back: at the end.
  void finish(int64_t now_ns);

 private:
  struct Message {
    relay::Severity severity;
    std::string text;
    int64_t told_ns;
    bool is_state = false;
    uint64_t held = 0;  // times since then; of a state that is late: changes before it that are left out
  };
  struct Thing {
    std::map<std::string, Message> messages;  // by kind
    std::string state;                        // the last one
    std::optional<Message> late;              // the last state, where it has not been told yet
    int64_t changes_ns = 0;                   // see may_change()
  };
  void log_repeats(Message* message, int64_t now_ns);
  void change(Thing* thing, const std::string& state, Message message, int64_t now_ns);
  void log_change(Thing* thing, Message message, int64_t now_ns);
  static bool may_change(Thing* thing, int64_t now_ns);

  Sink sink_;
  std::map<std::string, Thing> things_;
  size_t count_ = 0;  // of messages
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_REPEAT_LOG_H_
