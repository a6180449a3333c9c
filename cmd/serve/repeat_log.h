// A log that a repeating message does not fill: it is told at its first time, then at most once a minute,
// with the number of times that it came in between.
#ifndef SMT_CMD_SERVE_REPEAT_LOG_H_
#define SMT_CMD_SERVE_REPEAT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "relay/counters/severity.h"

namespace smt::cmd {

// Reads no clock. Holds no more than kMaxKeys messages: those beyond count as one.
class RepeatLog {
 public:
  using Sink = std::function<void(relay::Severity severity, const std::string& text)>;
  static constexpr size_t kMaxKeys = 1000;
  static constexpr int64_t kIntervalNs = 60'000'000'000;

  explicit RepeatLog(Sink sink) : sink_(std::move(sink)) {}

  // Messages with the same key are the same message, the last text counts.
  void log(relay::Severity severity, const std::string& key, const std::string& text, int64_t now_ns);
  // Tells what was held back and whose minute is over: to be called now and then.
  void tick(int64_t now_ns);
  // Tells all that was held back: at the end.
  void finish(int64_t now_ns);

 private:
  struct Message {
    relay::Severity severity;
    std::string text;
    int64_t told_ns;
    uint64_t held = 0;  // times since then
  };
  void log_repeats(Message* message, int64_t now_ns);

  Sink sink_;
  std::map<std::string, Message> messages_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_REPEAT_LOG_H_
