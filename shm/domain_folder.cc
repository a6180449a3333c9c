#include "shm/domain_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "shm/identity.h"
#include "shm/layout.h"
#include "shm/memory_limit.h"
#include "shm/memory_text.h"
#include "shm/name.h"
#include "shm/place.h"

namespace smt {

namespace {

std::string octal(mode_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%05o", mode & 07777);
  return text;
}

// Opens folder `name` below `at`, making it with `mode` (and `gid`, if >= 0) where `create` allows that.
// `*made` tells whether it is new.
Result<Fd> open_folder(int at, const std::string& name, const std::string& path, bool create, mode_t mode,
                       long gid) {
  bool made = false;
  if (create) {
    if (mkdirat(at, name.c_str(), 0700) == 0) {
      made = true;
    } else if (errno != EEXIST) {
      const int error = errno;
      return Status::from_errno("cannot make folder " + path + cause_words(error), error);
    }
  }
  Fd fd(openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) {
    if (errno == ENOENT)
      return Status(Code::kNotFound, "no folder " + path + ": is anything publishing there?");
    if (errno == ENOTDIR || errno == ELOOP) {
      return Status(Code::kDenied,
                    path + " is not a folder, or a symbolic link: remove it, or choose another --root");
    }
    return Status::from_errno("cannot open folder " + path, errno);
  }
  if (made) {
    if (gid >= 0 && fchown(fd.get(), static_cast<uid_t>(-1), static_cast<gid_t>(gid)) != 0) {
      const int error = errno;
      unlinkat(at, name.c_str(), AT_REMOVEDIR);
      return Status::from_errno("cannot give folder " + path + " to group " + std::to_string(gid) +
                                    ": are you in it?" + cause_words(error),
                                error);
    }
    if (fchmod(fd.get(), mode) != 0) return Status::from_errno("cannot set the rights of " + path, errno);
  }
  return fd;
}

Result<Fd> open_root(const FolderRequest& asked, uid_t* owner) {
  Result<Fd> root = open_folder(AT_FDCWD, asked.root, asked.root, asked.create_root, 01777, -1);
  if (!root.ok()) return root;
  struct stat st;
  if (fstat(root->get(), &st) != 0) return Status::from_errno("cannot look at " + asked.root, errno);
  if (const std::string outside = outside_user(st.st_uid); !outside.empty() && !is_own_user(st.st_uid)) {
    return Status(Code::kDenied,
                  asked.root + " belongs to user " + std::to_string(st.st_uid) + ": " + outside);
  }
  if (st.st_uid != 0 && !is_own_user(st.st_uid)) {
    return Status(Code::kDenied, asked.root + " belongs to user " + std::to_string(st.st_uid) +
                                     ": it must be root's or yours; choose another --root");
  }
  if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) {
    const bool is_volume = is_mount_of_root(root->get());
    if (!is_volume || !asked.shared_root || asked.gid < 0) {
      return Status(Code::kDenied,
                    asked.root + " has rights " + octal(st.st_mode) +
                        ": others could replace your domain; chmod 1777 it" +
                        (is_volume ? ", or trust whoever sees this volume: --group N --shared-root" : ""));
    }
  }
  *owner = st.st_uid;
  return root;
}

// A path that means the same when the process has gone to another folder.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.string();
}

}  // namespace

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

Result<std::shared_ptr<DomainFolder>> DomainFolder::open(const FolderRequest& asked) {
  uid_t root_owner = 0;
  Result<Fd> root = open_root(asked, &root_owner);
  if (!root.ok()) return root.status();
  auto folder = std::make_shared<DomainFolder>();
  folder->path = asked.root + "/" + asked.domain;
  folder->name = asked.domain;
  folder->clock = asked.clock;
  Result<Fd> fd = open_folder(root->get(), asked.domain, folder->path, asked.create,
                              asked.gid >= 0 ? 03770 : 0700, asked.gid);
  if (!fd.ok()) return fd.status();
  struct stat st;
  if (fstat(fd->get(), &st) != 0) return Status::from_errno("cannot look at " + folder->path, errno);
  const mode_t mode = st.st_mode & 07777;
  folder->owner = st.st_uid;
  folder->gid = st.st_gid;
  folder->shared = mode == 03770;
  if (!folder->shared && (mode & 077) != 0) {
    return Status(Code::kDenied, folder->path + " has rights " + octal(mode) +
                                     ": expected 0700, or 03770 for a group; smtdoctor tells the cure");
  }
  const std::string outside = outside_user(st.st_uid);
  if (!outside.empty() && !is_own_user(st.st_uid) && geteuid() != 0 && !folder->shared) {
    return Status(Code::kDenied,
                  folder->path + " belongs to user " + std::to_string(st.st_uid) + ": " + outside);
  }
  if (asked.gid >= 0 && (!folder->shared || st.st_gid != static_cast<gid_t>(asked.gid))) {
    return Status(Code::kDenied, folder->path + " is not shared with group '" + asked.group + "' (rights " +
                                     octal(mode) + ", group " + std::to_string(st.st_gid) +
                                     "): choose another --domain, or the --group that shares it");
  }
  if (asked.gid < 0 && st.st_uid != geteuid()) {
    if (geteuid() != 0) {
      return Status(Code::kDenied,
                    folder->path + " belongs to user " + std::to_string(st.st_uid) +
                        (folder->shared ? ": pass --group to join it" : ": use another --domain"));
    }
    folder->may_write = false;
  }
  folder->fd = std::move(*fd);
  folder->request = asked;
  folder->request.root = absolute(asked.root);
  folder->root_owner = root_owner;
  return folder;
}

DomainFolder::Id DomainFolder::id() const {
  struct stat st;
  return fstat(fd.get(), &st) == 0 ? Id(st.st_dev, st.st_ino) : Id();
}

bool DomainFolder::gone() const {
  struct stat ours, named;
  if (fstat(fd.get(), &ours) != 0) return false;
  if (lstat((request.root + "/" + name).c_str(), &named) != 0) return errno == ENOENT || errno == ENOTDIR;
  return !is_same_file(named, ours);
}

Status DomainFolder::rejoin(bool create) {
  {
    std::lock_guard lock(mutex);
    if (!gone()) return Status();
    FolderRequest again = request;
    again.gid = shared && may_write ? static_cast<long>(gid) : -1;
    again.create = create && may_write;
    again.create_root = again.create && root_owner == geteuid();
    Result<std::shared_ptr<DomainFolder>> now = open(again);
    if (!now.ok()) {
      const bool no_root = now.status().code() == Code::kNotFound && again.create && !again.create_root;
      return no_root ? Status(Code::kNotFound,
                              "the folder " + request.root + " is gone, which belonged to user " +
                                  std::to_string(root_owner) +
                                  ": only that user makes it again; or choose another --root")
                     : now.status();
    }
    if ((*now)->shared != shared || (*now)->may_write != may_write) {
      return Status(Code::kDenied, path + " was removed and made anew with other rights than before");
    }
    // The same number means the new folder from here on, for all threads.
    if (dup3((*now)->fd.get(), fd.get(), O_CLOEXEC) < 0)
      return Status::from_errno("cannot open " + path, errno);
  }
  report_loss("the folder " + path + " was removed, and made anew");
  return Status();
}

void DomainFolder::report_loss(const std::string& what) {
  std::lock_guard lock(mutex);
  last_loss = what;
  losses.fetch_add(1, std::memory_order_relaxed);
}

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

Status DomainFolder::check_room(uint64_t bytes, const std::string& what) const {
  struct statvfs v;
  if (fstatvfs(fd.get(), &v) == 0 && v.f_blocks != 0 && bytes > v.f_bavail * v.f_frsize)
    return no_space(bytes, what);
  struct statfs file_system;
  if (fstatfs(fd.get(), &file_system) != 0 || !is_in_memory(file_system)) return Status();
  const MemoryLimit limit = memory_limit();
  if (bytes <= limit.room_bytes) return Status();
  return Status(Code::kNoSpace,
                "no room for " + what + " in " + path + ": need " + memory_text(bytes) +
                    ", and the memory limit of " + memory_text(limit.bytes) + " (" + limit.file +
                    ") leaves " + memory_text(limit.room_bytes) +
                    "; raise it (docker run --memory, MemoryMax=, resources.limits.memory), or make the "
                    "topic smaller (fewer samples with --history)");
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
    const int error = errno;
    return Status::from_errno("cannot make a file in " + path + cause_words(error), error);
  }
  if (fchmod(made.get(), mode) != 0) return Status::from_errno("cannot set rights in " + path, errno);
  if (ftruncate(made.get(), static_cast<off_t>(bytes)) != 0) {
    if (errno == EFBIG) return too_large(bytes, what);
    return Status::from_errno("cannot size " + what + " in " + path + " to " + memory_text(bytes), errno);
  }
  if (Status s = check_room(reserve, what); !s.ok()) return s;
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
  if (errno == ENOENT && gone()) return Status(Code::kNotFound, path + " has just been removed");
  if (errno == ENOENT) return Status(Code::kSystem, "cannot name " + path + "/" + as + ": is /proc mounted?");
  return Status::from_errno("cannot name " + path + "/" + as, errno);
}

bool DomainFolder::is_named(const struct stat& opened, const std::string& file) const {
  struct stat now;
  return fstatat(fd.get(), file.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && is_same_file(now, opened);
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
