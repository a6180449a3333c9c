// Lines of text from a descriptor, as they come.
#ifndef SMT_CMD_CLI_LINES_H_
#define SMT_CMD_CLI_LINES_H_

#include <cstddef>
#include <string>

namespace smt::cmd {

class Lines {
 public:
  // Does not own `fd`.
  Lines(int fd, size_t max_bytes) : fd_(fd), max_bytes_(max_bytes) {}

  // Takes the next line, without its newline. Does not block; false: there is no whole line yet. The end of
  // the text ends a line too.
  bool next(std::string* line);
  // The line taken last had more than `max_bytes`: nothing of it is kept.
  bool too_long() const { return too_long_; }
  // There is none any more, and none will come.
  bool ended() const { return ended_ && text_.empty() && !skips_; }
  // The errno by which the text ended; 0: it did not, or at its end.
  int error() const { return error_; }
  // Readable when next() may have more to say.
  int fd() const { return fd_; }

 private:
  bool take(std::string* line);

  const int fd_;
  const size_t max_bytes_;
  std::string text_;
  size_t searched_ = 0;  // bytes of text_ without a newline
  bool skips_ = false;   // the rest of a line that is too long
  bool ended_ = false, too_long_ = false;
  int error_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_LINES_H_
