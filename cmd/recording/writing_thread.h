// The thread that packs and writes a recording.
#ifndef SMT_CMD_RECORDING_WRITING_THREAD_H_
#define SMT_CMD_RECORDING_WRITING_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cmd/recording/recording_writer.h"
#include "cmd/recording/sample_buffer.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// Writes what a buffer gets, until the buffer ends. The RecordingWriter, its files and all calls of the
// libraries of its formats belong to this thread; the methods are for one other thread, and none but end()
// waits for a disk. No signal is handled here.
class WritingThread {
 public:
  // Returns once the first file is there. The buffer, and the topics of its entries, outlive this object.
  static Result<std::unique_ptr<WritingThread>> start(RecordingWriter::Options options, int64_t start_ns,
                                                      SampleBuffer* buffer);
  // Ends the buffer; what it holds is lost, and the file stays without its end.
  ~WritingThread();

  // Can be read when there is news: a warning, or a failure.
  int news_fd() const { return news_fd_.get(); }
  // Warnings since the last call, in order.
  std::vector<std::string> take_warnings();
  // Writing has failed: what comes is left out.
  bool has_failed() const;
  uint64_t file_bytes() const;

  // Ends the buffer and waits `max` until what it holds is written and the file is complete. False: not yet.
  bool end(std::chrono::nanoseconds max);
  // Once end() has returned true. Rethrows what the thread has thrown.
  Status result() const;
  RecordSummary summary() const;

 private:
  struct News {
    std::vector<std::string> warnings;
    Status failed;
    std::exception_ptr thrown;
    uint64_t file_bytes = 0;
    RecordSummary summary;
    bool is_told = false;
    bool is_open = false, is_done = false;
  };

  explicit WritingThread(SampleBuffer* buffer);
  void serve(const RecordingWriter::Options& options, int64_t start_ns);
  bool is_abandoned() const;
  void write_all();
  void write(SampleBuffer::Taken taken);
  void attempt(const std::function<Status()>& step);
  void fail(const Status& why, std::exception_ptr thrown = nullptr);
  void tell();

  SampleBuffer* buffer_;
  Fd news_fd_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  News news_;                                // guarded by the mutex
  bool abandon_ = false;                     // guarded by the mutex
  std::unique_ptr<RecordingWriter> writer_;  // of the thread
  std::thread thread_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_WRITING_THREAD_H_
