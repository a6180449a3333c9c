#include "cmd/recording/writing_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "cmd/text/deadline.h"
#include "cmd/text/signals_blocked.h"

namespace smt::cmd {

WritingThread::WritingThread(SampleBuffer* buffer)
    : buffer_(buffer), news_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!news_fd_.ok()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Result<std::unique_ptr<WritingThread>> WritingThread::start(RecordingWriter::Options options,
                                                            int64_t start_ns, SampleBuffer* buffer) {
  std::unique_ptr<WritingThread> writing(new WritingThread(buffer));
  WritingThread* self = writing.get();
  options.warn = [self](const std::string& line) {
    const std::lock_guard lock(self->mutex_);
    self->news_.warnings.push_back(line);
    self->tell();
  };
  {
    const AllSignalsBlocked blocked;
    self->thread_ = std::thread([=] { self->serve(options, start_ns); });
  }
  std::unique_lock lock(self->mutex_);
  self->changed_.wait(lock, [&] { return self->news_.is_open || self->news_.is_done; });
  const bool is_open = self->news_.is_open;
  lock.unlock();
  if (!is_open) return self->result();
  return writing;
}

WritingThread::~WritingThread() {
  {
    const std::lock_guard lock(mutex_);
    abandon_ = true;
  }
  buffer_->end();
  if (thread_.joinable()) thread_.join();
}

// REQUIRES: the mutex is locked.
void WritingThread::tell() {
  news_.is_told = true;
  const uint64_t one = 1;
  (void)!::write(news_fd_.get(), &one, sizeof one);
}

std::vector<std::string> WritingThread::take_warnings() {
  uint64_t ignored = 0;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(news_.is_told, false)) return {};
  (void)!::read(news_fd_.get(), &ignored, sizeof ignored);
  return std::exchange(news_.warnings, {});
}

bool WritingThread::has_failed() const {
  const std::lock_guard lock(mutex_);
  return !news_.failed.ok();
}

uint64_t WritingThread::file_bytes() const {
  const std::lock_guard lock(mutex_);
  return news_.file_bytes;
}

bool WritingThread::end(std::chrono::nanoseconds max) {
  buffer_->end();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, max, [&] { return news_.is_done; });
}

Status WritingThread::result() const {
  const std::lock_guard lock(mutex_);
  if (news_.thrown) std::rethrow_exception(news_.thrown);
  return news_.failed;
}

// The first failure counts.
void WritingThread::fail(const Status& why, std::exception_ptr thrown) {
  const std::lock_guard lock(mutex_);
  if (!news_.failed.ok()) return;
  news_.failed = why;
  news_.thrown = std::move(thrown);
  tell();
}

RecordSummary WritingThread::summary() const {
  const std::lock_guard lock(mutex_);
  return news_.summary;
}

bool WritingThread::is_abandoned() const {
  const std::lock_guard lock(mutex_);
  return abandon_;
}

void WritingThread::attempt(const std::function<Status()>& step) {
  try {
    if (Status s = step(); !s.ok()) fail(s);
  } catch (...) {
    fail({Code::kSystem, "an exception"}, std::current_exception());
  }
}

void WritingThread::serve(const RecordingWriter::Options& options, int64_t start_ns) {
  attempt([&] {
    Result<std::unique_ptr<RecordingWriter>> writer = RecordingWriter::create(options, start_ns);
    if (!writer.ok()) return writer.status();
    const std::lock_guard lock(mutex_);
    writer_ = std::move(*writer);
    news_.file_bytes = writer_->file_bytes();
    news_.is_open = true;
    changed_.notify_all();
    return Status();
  });
  if (writer_ != nullptr) {
    attempt([&] { return write_all(), Status(); });
    if (!is_abandoned()) attempt([&] { return writer_->finish(); });
  }
  const std::lock_guard lock(mutex_);
  if (writer_ != nullptr) {
    news_.file_bytes = writer_->file_bytes();
    news_.summary = writer_->summary();
    writer_.reset();  // here, as the libraries of its formats are for this thread
  }
  news_.is_done = true;
  changed_.notify_all();
}

void WritingThread::write_all() {
  for (bool ended = false; !ended;) {
    SampleBuffer::Taken taken = buffer_->take(has_failed() ? kNever : writer_->due_ns());
    if (is_abandoned()) return;
    ended = taken.ended;
    write(std::move(taken));
    const std::lock_guard lock(mutex_);
    news_.file_bytes = writer_->file_bytes();
  }
}

// After a failure nothing more is written, and all is counted.
void WritingThread::write(SampleBuffer::Taken taken) {
  writer_->count(taken.losses);
  const auto step = [&](int64_t written_until_ns, bool is_behind) {
    if (!has_failed()) attempt([&] { return writer_->step(written_until_ns, is_behind); });
  };
  for (SampleBuffer::Block& block : taken.blocks) {
    size_t at = 0;
    if (!has_failed()) attempt([&] { return writer_->write(block, &at); });
    writer_->drop(block, at);
    step(block.boottime_ns(), true);
    buffer_->give_back(std::move(block));
  }
  step(taken.boottime_ns, false);
}

}  // namespace smt::cmd
