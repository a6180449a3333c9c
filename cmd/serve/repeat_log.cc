#include "cmd/serve/repeat_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

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

void RepeatLog::log(relay::Severity severity, const relay::MessageKey& key, const std::string& text,
                    int64_t now_ns) {
  const auto found = things_.find(key.thing);
  const bool known = found != things_.end() && (key.is_state || found->second.messages.count(key.kind) != 0);
  const bool fits = known || count_ < kMaxKeys;
  Thing& thing = things_[fits ? key.thing : ""];
  const std::string kind = fits ? key.kind : key.is_state ? key.thing + " " + key.kind : "";
  if (key.is_state && (thing.state != kind || thing.late)) {
    return change(&thing, kind, {severity, text, now_ns, true}, now_ns);
  }
  const auto [at, first] = thing.messages.try_emplace(kind, Message{severity, text, now_ns, key.is_state});
  Message& message = at->second;
  count_ += first;
  if (first) return log_repeats(&message, now_ns);
  message.severity = severity;
  message.text = text;
  ++message.held;
  if (now_ns - message.told_ns >= kIntervalNs) log_repeats(&message, now_ns);
}

// Each change takes a share of the minute, and gives it back as time passes.
bool RepeatLog::may_change(Thing* thing, int64_t now_ns) {
  thing->changes_ns = std::max(thing->changes_ns, now_ns);
  if (thing->changes_ns - now_ns > kIntervalNs - kChangeNs) return false;
  thing->changes_ns += kChangeNs;
  return true;
}

void RepeatLog::change(Thing* thing, const std::string& state, Message message, int64_t now_ns) {
  if (thing->late) message.held = thing->late->held + (thing->state == state ? 0 : 1);
  thing->state = state;
  if (may_change(thing, now_ns)) {
    log_change(thing, std::move(message), now_ns);
  } else {
    thing->late = std::move(message);
  }
}

// What was held back came before the change. What is told after it is told for the first time.
void RepeatLog::log_change(Thing* thing, Message message, int64_t now_ns) {
  for (auto& [kind, before] : thing->messages) {
    if (before.held != 0 && !before.is_state) log_repeats(&before, now_ns);
  }
  const std::string left_out =
      message.held == 0 ? "" : fmt::format(" (changes before it that are left out: {})", message.held);
  sink_(message.severity, message.text + left_out);
  count_ -= thing->messages.size();
  thing->messages.clear();
  thing->late.reset();
  thing->messages.emplace(thing->state, Message{message.severity, std::move(message.text), now_ns, true});
  ++count_;
}

void RepeatLog::tick(int64_t now_ns) {
  for (auto at = things_.begin(); at != things_.end();) {
    Thing& thing = at->second;
    if (thing.late && may_change(&thing, now_ns)) log_change(&thing, *thing.late, now_ns);
    for (auto m = thing.messages.begin(); m != thing.messages.end();) {
      Message& message = m->second;
      const bool over = now_ns - message.told_ns >= kIntervalNs, repeats = message.held != 0;
      if (over && repeats) log_repeats(&message, now_ns);
      const bool silent = over && !repeats;
      m = silent ? thing.messages.erase(m) : std::next(m);
      count_ -= silent;
    }
    at = thing.messages.empty() && !thing.late ? things_.erase(at) : std::next(at);
  }
}

void RepeatLog::finish(int64_t now_ns) {
  for (auto& [name, thing] : things_) {
    if (thing.late) log_change(&thing, *thing.late, now_ns);
    for (auto& [kind, message] : thing.messages) {
      // What is held back came after it was told, that is all of it.
      if (message.held != 0) log_repeats(&message, now_ns);
    }
  }
  things_.clear();
  count_ = 0;
}

}  // namespace smt::cmd
