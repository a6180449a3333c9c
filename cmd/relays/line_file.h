// A file of lines that others read, rotate, remove, and whose disk may be full.
#ifndef SMT_CMD_RELAYS_LINE_FILE_H_
#define SMT_CMD_RELAYS_LINE_FILE_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// One thread appends; take_news() is any thread's. Lines are not synced to disk.
class LineFile {
 public:
  // Opens the file, or makes it (0640); a FIFO that somebody reads will do. `what` stands before the path in
  // messages. kInvalid: it is no file that could be appended to; else as the system says.
  static Result<std::shared_ptr<LineFile>> open(const std::string& path, const std::string& what);

  // Appends all of `lines`, and blocks as long as that takes. It first makes the file anew at its path where
  // the path no longer names it. 0, or the errno of what failed; a regular file that nobody else writes then
  // has none of the lines.
  int append(std::string_view lines);

  // Returns what became of the file since the last call, as people are told; "": nothing.
  std::string take_news();

 private:
  LineFile(std::string path, std::string what) : path_(std::move(path)), what_(std::move(what)) {}
  Status open_at_path();
  int follow_path();
  void tell(std::string news);

  const std::string path_, what_;
  Fd file_;
  bool cut_ = false;     // the file ends with a part of a line
  bool astray_ = false;  // the file was renamed, and none can be made at its path
  std::mutex mutex_;     // of what follows
  std::string news_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_LINE_FILE_H_
