#include "shm/domain_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shm/layout.h"
#include "shm/memory_text.h"
#include "shm/name.h"

namespace smt {

Result<std::vector<std::string>> DomainFolder::nodes() const {
  Fd list(openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* dir = list.ok() ? fdopendir(list.get()) : nullptr;
  if (dir == nullptr) {
    const int error = errno;
    return Status::from_errno("cannot list " + path, error);
  }
  (void)list.release();  // closedir() closes it
  std::vector<std::string> names;
  while (const dirent* e = readdir(dir)) {
    if (check_name("node", e->d_name).ok()) names.emplace_back(e->d_name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

Status DomainFolder::no_space(uint64_t bytes, const std::string& what) const {
  struct statvfs v;
  std::string figures;
  if (fstatvfs(fd.get(), &v) == 0) {
    const uint64_t all = v.f_blocks * v.f_frsize;
    figures = " (" + memory_text(all) + ", " + memory_text(all - v.f_bavail * v.f_frsize) + " used";
    if (v.f_files != 0 && v.f_favail == 0) figures += ", no inodes left";
    figures += ")";
  }
  return Status(Code::kNoSpace, "no space in " + path + figures + ": need " + memory_text(bytes) + " for " +
                                    what +
                                    "; remove dead topics with smttopic rm; in Docker pass --shm-size");
}

Status DomainFolder::too_large(uint64_t bytes, const std::string& what) const {
  return Status(Code::kNoSpace,
                what + " in " + path + " would be larger than files may be here: " + memory_text(bytes) +
                    "; raise the limit (ulimit -f, LimitFSIZE), or choose a smaller --segment-size");
}

Result<Fd> DomainFolder::unnamed(mode_t mode, uint64_t bytes, uint64_t reserve,
                                 const std::string& what) const {
  if (!may_write) {
    return Status(Code::kDenied,
                  path + " belongs to user " + std::to_string(owner) + ": nothing is written there");
  }
  Fd made = above_standard(Fd(openat(fd.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode)));
  if (!made.ok()) {
    if (errno == ENOSPC) return no_space(reserve, what);
    return Status::from_errno("cannot make a file in " + path, errno);
  }
  if (fchmod(made.get(), mode) != 0) return Status::from_errno("cannot set rights in " + path, errno);
  if (ftruncate(made.get(), static_cast<off_t>(bytes)) != 0) {
    if (errno == EFBIG) return too_large(bytes, what);
    return Status::from_errno("cannot size " + what + " in " + path + " to " + memory_text(bytes), errno);
  }
  // posix_fallocate, never a hole: touching a hole of a full folder kills by SIGBUS.
  if (const int error = posix_fallocate(made.get(), 0, static_cast<off_t>(reserve)); error != 0) {
    if (error == ENOSPC) return no_space(reserve, what);
    return Status::from_errno("cannot reserve " + memory_text(reserve) + " for " + what + " in " + path,
                              error);
  }
  return made;
}

Status DomainFolder::link(const Fd& file, const std::string& as) const {
  const std::string from = "/proc/self/fd/" + std::to_string(file.get());
  if (linkat(AT_FDCWD, from.c_str(), fd.get(), as.c_str(), AT_SYMLINK_FOLLOW) == 0) return Status();
  if (errno == EEXIST) return Status(Code::kInUse, path + "/" + as + " is there already");
  if (errno == ENOSPC) return no_space(layout::kHeaderBytes, "the name " + as);
  if (errno == ENOENT) return Status(Code::kSystem, "cannot name " + path + "/" + as + ": is /proc mounted?");
  return Status::from_errno("cannot name " + path + "/" + as, errno);
}

Result<Fd> DomainFolder::open_file(const std::string& file, int flags, bool foreign, struct stat* st) const {
  const std::string full = path + "/" + file;
  Fd opened = above_standard(Fd(openat(fd.get(), file.c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)));
  if (!opened.ok()) {
    if (errno == ENOENT) return Status(Code::kNotFound, "no " + full);
    if (errno == ELOOP) return Status(Code::kDenied, full + " is a symbolic link: remove it");
    const int error = errno;
    if (error == EACCES && fstatat(fd.get(), file.c_str(), st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st->st_uid != geteuid()) {
      return Status(Code::kDenied, full + " belongs to user " + std::to_string(st->st_uid) +
                                       " and may not be opened so: choose another node name");
    }
    errno = error;
    return Status::from_errno("cannot open " + full, errno);
  }
  if (fstat(opened.get(), st) != 0) return Status::from_errno("cannot look at " + full, errno);
  if (!S_ISREG(st->st_mode)) return Status(Code::kDenied, full + " is not a regular file: move it away");
  // No link: unlinked since it was opened. More than one: it could be somebody's other file.
  if (st->st_nlink == 0) return Status(Code::kNotFound, full + " has just been removed");
  if (st->st_nlink != 1) return Status(Code::kDenied, full + " has other hard links: remove those");
  if (st->st_uid != geteuid() && st->st_uid != owner && !(foreign && shared)) {
    return Status(Code::kDenied, full + " belongs to user " + std::to_string(st->st_uid) + ": move it away");
  }
  return opened;
}

}  // namespace smt
