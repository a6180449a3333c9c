#include "cmd/cli/background_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "cmd/cli/write_whole.h"
#include "cmd/text/signals_blocked.h"

namespace smt::cmd {

struct BackgroundWriter::Text {
  std::string text;
  bool is_latest = false, is_always = false;
  uint64_t ticket = 0;       // 0: nobody asks for its fate
  uint64_t lost_before = 0;  // texts, since the one before

  // Where it is lost. Who has a ticket is told otherwise.
  bool is_missed() const { return !text.empty() && ticket == 0; }
};

struct BackgroundWriter::State {
  explicit State(Options o) : options(std::move(o)) {}

  const Options options;
  std::mutex mutex;                 // of what follows
  std::condition_variable changed;  // of what follows
  std::deque<Text> texts;           // that wait
  size_t bytes = 0;                 // of them
  uint64_t lost = 0;                // texts behind them
  uint64_t untold = 0;              // texts lost before them, as their notice failed
  std::string owed;                 // texts before them that are not lost, and failed
  bool retry = false;               // what is untold or owed, now
  bool writing = false, ending = false;
  uint64_t last_ticket = 0;
  // By ticket that has not ended: errno or 0; nothing: its text waits.
  std::map<uint64_t, std::optional<int>> fates;
  int error = 0;

  // REQUIRES, as the others: the mutex is locked.
  bool has_work() const { return !texts.empty() || lost != 0; }
  bool owes() const { return options.retry_ns != 0 && (untold != 0 || !owed.empty()); }
  void on_failed(const Text& text) {
    if (options.retry_ns == 0 || !text.is_missed()) return;
    if (text.is_always && owed.size() + text.text.size() <= kMaxBytes) {
      owed += text.text;
    } else {
      ++untold;
    }
  }
  void settle(uint64_t ticket, int of_text) {
    if (const auto known = fates.find(ticket); known != fates.end()) known->second = of_text;
  }
  std::deque<Text>::iterator drop(std::deque<Text>::iterator at) {
    bytes -= at->text.size();
    return texts.erase(at);
  }
};

BackgroundWriter::BackgroundWriter(Options options) : state_(std::make_shared<State>(std::move(options))) {
  const AllSignalsBlocked blocked;
  std::thread([state = state_] { serve(state); }).detach();
}

BackgroundWriter::BackgroundWriter(int fd, std::function<std::string(uint64_t texts)> notice)
    : BackgroundWriter({.write = [fd](std::string_view text) { return write_whole(fd, text); },
                        .notice = std::move(notice)}) {}

BackgroundWriter::~BackgroundWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->texts.clear();
  state_->ending = true;
  state_->changed.notify_all();
}

int BackgroundWriter::take_error() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->error, 0);
}

int BackgroundWriter::drain(int64_t max_ns) {
  std::unique_lock lock(state_->mutex);
  state_->retry = state_->owes();
  state_->changed.notify_all();
  state_->changed.wait_for(lock, std::chrono::nanoseconds(max_ns), [&] {
    return state_->texts.empty() && state_->lost == 0 && !state_->retry && !state_->writing;
  });
  return std::exchange(state_->error, 0);
}

void BackgroundWriter::serve(const std::shared_ptr<State>& state) {
  const Options& options = state->options;
  std::unique_lock lock(state->mutex);
  for (;;) {
    const auto due = [&] { return state->has_work() || state->retry || state->ending; };
    if (state->owes()) {
      state->changed.wait_for(lock, std::chrono::nanoseconds(options.retry_ns), due);
    } else {
      state->changed.wait(lock, due);
    }
    if (state->ending) return;
    const bool has_work = state->has_work();
    Text next;
    if (state->texts.empty()) {
      next.lost_before = std::exchange(state->lost, 0);
    } else {
      next = std::move(state->texts.front());
      state->texts.pop_front();
      state->bytes -= next.text.size();
    }
    next.lost_before += std::exchange(state->untold, 0);
    const std::string owed = std::exchange(state->owed, "");
    state->retry = false;
    state->writing = true;
    lock.unlock();
    const std::string first = (next.lost_before == 0 ? "" : options.notice(next.lost_before)) + owed;
    int error = first.empty() ? 0 : options.write(first);
    const bool failed_first = error != 0;
    if (error == 0) error = options.write(next.text);
    lock.lock();
    state->writing = false;
    if (failed_first) state->untold = next.lost_before, state->owed = owed;
    if (error != 0) state->on_failed(next);
    state->settle(next.ticket, error);
    if (error != 0 && has_work) state->error = error;
    state->changed.notify_all();
    if (!options.settled) continue;
    lock.unlock();
    options.settled();
    lock.lock();
  }
}

void BackgroundWriter::add(Text text) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (text.is_latest && !s.texts.empty() && s.texts.back().is_latest) {
    text.lost_before = s.texts.back().lost_before;
    s.drop(s.texts.end() - 1);
  }
  const auto full = [&] { return !s.texts.empty() && s.bytes + text.text.size() > kMaxBytes; };
  if (s.options.when_full == WhenFull::kTakeNoMore && full() && !text.is_always) {
    s.lost += text.is_missed() ? 1 : 0;
    return s.settle(text.ticket, ENOBUFS);
  }
  text.lost_before += std::exchange(s.lost, 0);
  uint64_t lost = 0;
  while (s.options.when_full == WhenFull::kDropOldest && full() && !text.is_always) {
    lost += s.texts.front().lost_before + 1;
    s.settle(s.texts.front().ticket, ENOBUFS);
    s.drop(s.texts.begin());
  }
  (s.texts.empty() ? text : s.texts.front()).lost_before += lost;
  s.bytes += text.text.size();
  s.texts.push_back(std::move(text));
  s.changed.notify_all();
}

void BackgroundWriter::write(std::string_view text) { add({.text = std::string(text)}); }

void BackgroundWriter::write_latest(std::string_view text) {
  add({.text = std::string(text), .is_latest = true});
}

void BackgroundWriter::write_always(std::string_view text) {
  add({.text = std::string(text), .is_always = true});
}

uint64_t BackgroundWriter::submit(std::string_view text) {
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(state_->mutex);
    ticket = ++state_->last_ticket;
    state_->fates[ticket];
  }
  add({.text = std::string(text), .ticket = ticket});
  return ticket;
}

BackgroundWriter::Fate BackgroundWriter::fate(uint64_t ticket) const {
  const std::lock_guard lock(state_->mutex);
  const std::optional<int> error = state_->fates.at(ticket);
  return !error ? Fate::kWaits : *error == 0 ? Fate::kWritten : Fate::kFailed;
}

bool BackgroundWriter::withdraw(uint64_t ticket) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto known = s.fates.find(ticket);
  const std::optional<int> error = known->second;
  s.fates.erase(known);
  if (error) return *error != 0;
  const auto at =
      std::find_if(s.texts.begin(), s.texts.end(), [&](const Text& t) { return t.ticket == ticket; });
  if (at == s.texts.end()) return false;
  const uint64_t lost = at->lost_before;
  const auto next = s.drop(at);
  (next == s.texts.end() ? s.lost : next->lost_before) += lost;
  s.changed.notify_all();
  return true;
}

}  // namespace smt::cmd
