// Text for somebody who may not be reading, written by a thread of its own.
#ifndef SMT_CMD_CLI_BACKGROUND_WRITER_H_
#define SMT_CMD_CLI_BACKGROUND_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace smt::cmd {

// Writes text to one destination, in order. A terminal after Ctrl-S, a full pipe, a disk or a journal that
// hangs holds up the thread of this object, and nobody else: each destination has an object of its own. Any
// thread may call.
class BackgroundWriter {
 public:
  static constexpr size_t kMaxBytes = 256 << 10;  // of text that waits

  enum class WhenFull { kDropOldest, kTakeNoMore };
  enum class Fate { kWaits, kWritten, kFailed };
  struct Options {
    // Writes all of the text, and takes its time. 0, or the errno of what failed.
    std::function<int(std::string_view text)> write;
    // Returns the line that stands where `texts` texts were lost.
    std::function<std::string(uint64_t texts)> notice;
    WhenFull when_full = WhenFull::kDropOldest;
    // 0: nobody misses a text whose writing failed. Else it is lost, or kept if it may not be lost; and once
    // in so long it is tried to write the notice, and what is kept.
    int64_t retry_ns = 0;
    // The thread calls it after each text that it has written or failed to write. It may be empty.
    std::function<void()> settled = {};
  };

  // Starts the thread, which calls the functions; no signal is handled there. They outlive this object: a
  // write that hangs may last as long as the process. Throws std::system_error.
  explicit BackgroundWriter(Options options);
  // For a descriptor, which outlives the thread and keeps its flags, as other programs may share it.
  BackgroundWriter(int fd, std::function<std::string(uint64_t texts)> notice);
  // Texts that still wait are lost; the thread ends after the one that it writes.
  ~BackgroundWriter();

  // Takes a copy. Where there is no room, texts are lost, and the notice tells of them when the writing goes
  // on: the oldest that wait, or this one.
  void write(std::string_view text);
  // The same for a text that says how things stand: it takes the place of one like it that still waits last.
  void write_latest(std::string_view text);
  // The same for a text that is not lost where too many wait, or where its writing fails: `retry_ns`.
  void write_always(std::string_view text);
  // It does the same as write(), and returns a ticket of the text, of which fate() tells and no notice. The
  // caller ends each ticket by withdraw().
  uint64_t submit(std::string_view text);
  // kFailed: there was no room, or writing it failed.
  Fate fate(uint64_t ticket) const;
  // The ticket ends here; a text that waits is taken back. True: it is not written, and will not be.
  bool withdraw(uint64_t ticket);

  // Returns the errno of a write that failed since the last call, or 0.
  int take_error();
  // Waits until all is written or has failed, `max_ns` at most, and returns take_error().
  int drain(int64_t max_ns);

 private:
  struct Text;
  struct State;
  static void serve(const std::shared_ptr<State>& state);
  void add(Text text);

  std::shared_ptr<State> state_;  // the thread's too
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_BACKGROUND_WRITER_H_
