#include "cmd/relays/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cmd/cli/write_whole.h"
#include "cmd/text/file_status.h"

namespace smt::cmd {
namespace {

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

// Another program may have been killed while it appended. Where the file may not be read, that is not known.
bool ends_within_line(const std::string& path, const struct stat& of) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat st;
  char last = '\n';
  return S_ISREG(of.st_mode) && of.st_size > 0 && file.ok() && fstat(file.get(), &st) == 0 &&
         is_same_file(st, of) && pread(file.get(), &last, 1, of.st_size - 1) == 1 && last != '\n';
}

// False: somebody else has changed the file meanwhile, or it cannot be cut.
bool cut_back(const Fd& file, off_t bytes, size_t written) {
  struct stat now;
  return fstat(file.get(), &now) == 0 && now.st_size == bytes + static_cast<off_t>(written) &&
         ftruncate(file.get(), bytes) == 0;
}

}  // namespace

Result<std::shared_ptr<LineFile>> LineFile::open(const std::string& path, const std::string& what) {
  std::shared_ptr<LineFile> lines(new LineFile(path, what));
  if (Status s = lines->open_at_path(); !s.ok()) return s;
  return lines;
}

Status LineFile::open_at_path() {
  const std::string named = what_ + " " + path_;
  // Not blocking: to open a FIFO would wait for its reader.
  Fd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
  if (!file.ok() && errno == ENXIO)
    return {Code::kInvalid, named + ": nobody reads this FIFO; start its reader first"};
  if (!file.ok()) return file_status(named, errno);
  struct stat st;
  if (fstat(file.get(), &st) != 0) return Status::from_errno(named, errno);
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISFIFO(st.st_mode))
    return {Code::kInvalid, named + ": it is no file that could be appended to"};
  if (fcntl(file.get(), F_SETFL, O_APPEND) != 0) return Status::from_errno(named, errno);
  file_ = std::move(file);
  cut_ = ends_within_line(path_, st);
  return Status();
}

// ENOENT: the file was removed, and none can be made at its path.
int LineFile::follow_path() {
  struct stat ours, named;
  if (fstat(file_.get(), &ours) != 0 || !S_ISREG(ours.st_mode)) return 0;
  if (stat(path_.c_str(), &named) == 0 ? is_same_file(named, ours) : errno != ENOENT && errno != ENOTDIR) {
    astray_ = false;
    return 0;
  }
  const bool removed = ours.st_nlink == 0;
  const Status opened = open_at_path();
  if (opened.ok()) {
    astray_ = false;
    tell(what_ + " " + path_ + (removed ? " was removed" : " was renamed") +
         "; lines go on in a new one there");
  } else if (removed) {
    return ENOENT;
  } else if (!std::exchange(astray_, true)) {
    tell(opened.message() + "; lines go on in the file that was renamed");
  }
  return 0;
}

int LineFile::append(std::string_view lines) {
  if (const int error = follow_path(); error != 0 || lines.empty()) return error;
  struct stat before;
  const bool can_cut = fstat(file_.get(), &before) == 0 && S_ISREG(before.st_mode);
  size_t written = 0;
  const int error = write_whole(file_.get(), cut_ ? "\n" + std::string(lines) : lines, &written);
  if (error == 0) {
    cut_ = false;
  } else if (written != 0 && !(can_cut && cut_back(file_, before.st_size, written))) {
    cut_ = true;
  }
  return error;
}

void LineFile::tell(std::string news) {
  const std::lock_guard lock(mutex_);
  news_ = std::move(news);
}

std::string LineFile::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, "");
}

}  // namespace smt::cmd
