#include "cmd/recording/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cmd/recording/file_room.h"
#include "cmd/text/file_status.h"

namespace smt::cmd {

Result<AppendFile> AppendFile::create(const std::string& path) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd.ok()) return AppendFile(path, std::move(fd));
  if (errno == EEXIST) {
    return {Code::kInvalid, path + " is there already; take another name, or remove it first"};
  }
  if (errno == ENOENT) return {Code::kInvalid, "cannot make " + path + ": there is no such folder"};
  return file_status("cannot make " + path, errno);
}

Status AppendFile::reserve(uint64_t bytes) { return take_room(fd_.get(), path_, bytes_, bytes_ + bytes); }

Status AppendFile::append(std::string_view bytes) {
  for (size_t written = 0; written < bytes.size();) {
    const ssize_t n = pwrite(fd_.get(), bytes.data() + written, bytes.size() - written,
                             static_cast<off_t>(bytes_ + written));
    if (n > 0) {
      written += static_cast<size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      const int error = n == 0 ? ENOSPC : errno;
      std::string what =
          fmt::format("cannot write {} bytes at the end of {} ({} bytes)", bytes.size(), path_, bytes_);
      if (ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0)
        what += ", nor cut off what was half written";
      return no_room(fd_.get(), what, error);
    }
  }
  bytes_ += bytes.size();
  return Status();
}

void AppendFile::end() { (void)!ftruncate(fd_.get(), static_cast<off_t>(bytes_)); }

Status check_file(int fd, const std::string& path) {
  struct stat file;
  if (fstat(fd, &file) != 0 || file.st_nlink != 0) return Status();
  return {Code::kSystem, path + " has been deleted while it was written: what is in it is lost"};
}

Status sync_file(int fd, const std::string& path) {
  if (fdatasync(fd) != 0) return Status::from_errno("cannot bring " + path + " to its disk", errno);
  return check_file(fd, path);
}

}  // namespace smt::cmd
