// A file of lines whose disk may be full.
#ifndef SMT_CMD_RELAYS_LINE_FILE_H_
#define SMT_CMD_RELAYS_LINE_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// One thread appends. Lines are not synced to disk.
class LineFile {
 public:
  // Opens the file, or makes it (0640); a FIFO that somebody reads will do. `what` stands before the path in
  // messages. kInvalid: it is no file that could be appended to; else as the system says.
  static Result<std::shared_ptr<LineFile>> open(const std::string& path, const std::string& what);

  // Appends all of `lines`, and blocks as long as that takes. 0, or the errno of what failed; a regular file
  // that nobody else writes then has none of the lines.
  int append(std::string_view lines);

 private:
  LineFile(std::string path, std::string what) : path_(std::move(path)), what_(std::move(what)) {}
  Status open_at_path();

  const std::string path_, what_;
  Fd file_;
  bool cut_ = false;  // the file ends with a part of a line
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_LINE_FILE_H_
