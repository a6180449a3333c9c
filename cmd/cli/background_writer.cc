#include "cmd/cli/background_writer.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "cmd/cli/write_whole.h"
#include "cmd/text/signals_blocked.h"

namespace smt::cmd {

struct BackgroundWriter::State {
  struct Text {
    std::string text;
    bool is_latest;
  };

  State(int to, Notice of_lost) : fd(to), notice(std::move(of_lost)) {}

  const int fd;
  const Notice notice;
  std::mutex mutex;                 // of what follows
  std::condition_variable changed;  // of what follows
  std::deque<Text> texts;           // that wait
  size_t bytes = 0;                 // of them
  uint64_t lost = 0;                // texts, since the last notice
  bool writing = false;
  bool ending = false;
  int error = 0;
};

BackgroundWriter::BackgroundWriter(int fd, Notice notice)
    : state_(std::make_shared<State>(fd, std::move(notice))) {
  const AllSignalsBlocked blocked;
  std::thread([state = state_] { serve(state); }).detach();
}

BackgroundWriter::~BackgroundWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->texts.clear();
  state_->ending = true;
  state_->changed.notify_all();
}

int BackgroundWriter::drain() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, std::chrono::nanoseconds(kDrainNs),
                           [&] { return state_->texts.empty() && !state_->writing; });
  return state_->error;
}

void BackgroundWriter::serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return !state->texts.empty() || state->ending; });
    if (state->texts.empty()) return;
    const uint64_t lost = std::exchange(state->lost, 0);
    const std::string text = std::move(state->texts.front().text);
    state->texts.pop_front();
    state->bytes -= text.size();
    state->writing = true;
    lock.unlock();
    int error = lost == 0 ? 0 : write_whole(state->fd, state->notice(lost));
    if (error == 0) error = write_whole(state->fd, text);
    lock.lock();
    state->writing = false;
    if (state->error == 0) state->error = error;
    state->changed.notify_all();
  }
}

void BackgroundWriter::add(std::string_view text, bool is_latest) {
  const std::lock_guard lock(state_->mutex);
  std::deque<State::Text>& texts = state_->texts;
  const auto drop = [&](auto at) {
    state_->bytes -= at->text.size();
    texts.erase(at);
  };
  if (is_latest && !texts.empty() && texts.back().is_latest) drop(texts.end() - 1);
  while (!texts.empty() && state_->bytes + text.size() > kMaxBytes) {
    drop(texts.begin());
    ++state_->lost;
  }
  state_->bytes += text.size();
  texts.push_back({std::string(text), is_latest});
  state_->changed.notify_all();
}

void BackgroundWriter::write(std::string_view text) { add(text, false); }

void BackgroundWriter::write_latest(std::string_view text) { add(text, true); }

}  // namespace smt::cmd
