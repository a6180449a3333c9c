#include "cmd/serve/repeat_log.h"

#include <fmt/format.h>

namespace smt::cmd {

void RepeatLog::log_repeats(Message* message, int64_t now_ns) {
  // Told before, and `held` times since; the one that is told now is not one more.
  const uint64_t more = message->held > 1 ? message->held - 1 : 0;
  sink_(message->severity, more == 0 ? message->text
                                     : fmt::format("{} ({} more in the last {} s)", message->text, more,
                                                   (now_ns - message->told_ns) / 1'000'000'000));
  message->told_ns = now_ns;
  message->held = 0;
}

void RepeatLog::log(relay::Severity severity, const std::string& key, const std::string& text,
                    int64_t now_ns) {
  const bool known = messages_.count(key) != 0 || messages_.size() < kMaxKeys;
  const auto [at, first] = messages_.try_emplace(known ? key : "", Message{severity, text, now_ns});
  Message& message = at->second;
  if (first) return log_repeats(&message, now_ns);
  message.severity = severity;
  message.text = text;
  ++message.held;
  if (now_ns - message.told_ns >= kIntervalNs) log_repeats(&message, now_ns);
}

void RepeatLog::tick(int64_t now_ns) {
  for (auto at = messages_.begin(); at != messages_.end();) {
    Message& message = at->second;
    if (now_ns - message.told_ns < kIntervalNs) {
      ++at;
    } else if (message.held != 0) {
      log_repeats(&message, now_ns);
      ++at;
    } else {
      at = messages_.erase(at);
    }
  }
}

void RepeatLog::finish(int64_t now_ns) {
  for (auto& [key, message] : messages_) {
    // What is held back came after it was told, that is all of it.
    if (message.held != 0) log_repeats(&message, now_ns);
  }
  messages_.clear();
}

}  // namespace smt::cmd
