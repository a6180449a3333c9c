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

// Writes text to one descriptor, in order. A terminal after Ctrl-S, a full pipe or a journal that hangs holds
// up the thread of this object, and nobody else. The descriptor keeps its flags, as other programs may share
// it. Any thread may call.
class BackgroundWriter {
 public:
  static constexpr size_t kMaxBytes = 256 << 10;  // of text that waits
  static constexpr int64_t kDrainNs = 100'000'000;

  // The function returns what is written to the same descriptor in place of `texts` texts that were lost.
  using Notice = std::function<std::string(uint64_t texts)>;

  // Starts the thread; no signal is handled there. The descriptor outlives the thread, which may be as long
  // as the process. Throws std::system_error.
  BackgroundWriter(int fd, Notice notice);
  // Texts that still wait are lost; the thread ends after the one that it writes.
  ~BackgroundWriter();

  // Takes a copy. Where there is no room, the oldest texts that wait are lost, and the notice tells of it
  // when the writing goes on.
  void write(std::string_view text);
  // The same for a text that says how things stand: it takes the place of one like it that still waits last.
  void write_latest(std::string_view text);
  // Waits until all is written, and for kDrainNs at most. errno of the first write that failed, or 0.
  int drain();

 private:
  struct State;
  static void serve(const std::shared_ptr<State>& state);
  void add(std::string_view text, bool is_latest);

  std::shared_ptr<State> state_;  // the thread's too
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_BACKGROUND_WRITER_H_
