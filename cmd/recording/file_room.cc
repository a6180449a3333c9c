#include "cmd/recording/file_room.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <limits>

#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

// Of the process: `ulimit -f`, LimitFSIZE=.
uint64_t max_file_bytes() {
  rlimit limit;
  const bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? limit.rlim_cur : std::numeric_limits<uint64_t>::max();
}

}  // namespace

Status take_room(int fd, const std::string& path, uint64_t begin, uint64_t end) {
  int error = 0;
  if (end > max_file_bytes()) {
    error = EFBIG;
  } else if (end > begin && fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                                      static_cast<off_t>(end - begin)) != 0) {
    error = errno;
  }
  if (error != ENOSPC && error != EDQUOT && error != EFBIG) return Status();
  return no_room(fd, fmt::format("{} cannot grow to {} bytes, its end included", path, end), error);
}

Status no_room(int fd, const std::string& what, int error) {
  std::string figures;
  if (error == EFBIG) {
    figures = fmt::format(", and files may have {} at most here (ulimit -f, LimitFSIZE)",
                          bytes_text(max_file_bytes()));
  } else if (struct statvfs fs; fstatvfs(fd, &fs) == 0) {
    figures = fmt::format(", {} free on its disk", bytes_text(uint64_t{fs.f_bavail} * fs.f_frsize));
  }
  return Status::from_errno(what + figures, error);
}

}  // namespace smt::cmd
