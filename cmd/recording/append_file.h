// A new file that only grows, and never by half of what is appended.
#ifndef SMT_CMD_RECORDING_APPEND_FILE_H_
#define SMT_CMD_RECORDING_APPEND_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// kSystem: the file was deleted since it was opened, so that nobody will find what is written into it.
Status check_file(int fd, const std::string& path);
// Blocks until what was written is on the disk; then as check_file().
Status sync_file(int fd, const std::string& path);

class AppendFile {
 public:
  // Makes the file. kInvalid: it is there already, and stays as it is; or its folder is not there. Else what
  // the system says.
  static Result<AppendFile> create(const std::string& path);

  // Takes room for so many bytes more: what is appended within it meets no full disk. kNoSpace, with the
  // figures: there is not as much.
  Status reserve(uint64_t bytes);
  // Writes all of `bytes`. On an error (kNoSpace: with the figures) the file is as long as before, and later
  // calls may succeed.
  Status append(std::string_view bytes);
  // Blocks until what was appended is on the disk. See sync_file().
  Status sync() { return sync_file(fd_.get(), path_); }
  Status check() const { return check_file(fd_.get(), path_); }
  // Nothing more is to be appended: gives back the room that is left.
  void end();

  const std::string& path() const { return path_; }
  uint64_t bytes() const { return bytes_; }

 private:
  AppendFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  Fd fd_;
  uint64_t bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_APPEND_FILE_H_
