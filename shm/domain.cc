#include "shm/domain.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "shm/domain_state.h"
#include "shm/layout.h"
#include "shm/utf8.h"

namespace smt {

namespace {

bool IsNameStart(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string Octal(mode_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%05o", mode & 07777);
  return text;
}

// Opens folder `name` below `at`, making it with `mode` (and `gid`, if >= 0) where `create` allows that.
// `*made` tells whether it is new.
Result<Fd> OpenFolder(int at, const std::string& name, const std::string& path, bool create, mode_t mode,
                      long gid) {
  bool made = false;
  if (create) {
    if (mkdirat(at, name.c_str(), 0700) == 0) {
      made = true;
    } else if (errno != EEXIST) {
      return Status::FromErrno("cannot make folder " + path, errno);
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
    return Status::FromErrno("cannot open folder " + path, errno);
  }
  if (made) {
    if (gid >= 0 && fchown(fd.get(), static_cast<uid_t>(-1), static_cast<gid_t>(gid)) != 0) {
      const int error = errno;
      unlinkat(at, name.c_str(), AT_REMOVEDIR);
      return Status::FromErrno("cannot give folder " + path + " to the group: are you in it?", error);
    }
    if (fchmod(fd.get(), mode) != 0) return Status::FromErrno("cannot set the rights of " + path, errno);
  }
  return fd;
}

}  // namespace

std::string BytesText(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double n = static_cast<double>(bytes);
  int unit = 0;
  for (; n >= 1024 && unit < 4; ++unit) n /= 1024;
  char text[32];
  snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", n, kUnits[unit]);
  return text;
}

Status CheckName(std::string_view what, std::string_view name) {
  const std::string quoted = std::string(what) + " name '" + std::string(name.substr(0, 100)) + "'";
  bool good = !name.empty() && name.size() <= layout::kNameBytes && IsNameStart(name[0]);
  for (size_t i = 1; good && i < name.size(); ++i) good = IsNameStart(name[i]) || name[i] == '.';
  if (!good) {
    return Status(Code::kInvalid, quoted + ": use 1 to 64 of A-Z a-z 0-9 _ - . and do not begin with '.'");
  }
  if (name.ends_with(".bell")) return Status(Code::kInvalid, quoted + ": may not end in '.bell'");
  return Status();
}

Status CheckTopicName(std::string_view name) {
  const std::string quoted = "topic name '" + std::string(name.substr(0, 300)) + "'";
  if (name.empty()) return Status(Code::kInvalid, "topic name is empty");
  if (name.size() > layout::kTopicNameBytes) {
    return Status(Code::kInvalid, quoted + ": longer than 255 bytes");
  }
  if (name.front() == '/' || name.back() == '/' || name.find("//") != name.npos) {
    return Status(Code::kInvalid,
                  quoted + ": an empty segment; write 'arm/joint', without '/' at either end");
  }
  for (size_t i = 0; i < name.size();) {
    const auto c = static_cast<uint8_t>(name[i]);
    if (c < 0x20 || c == 0x7F) return Status(Code::kInvalid, "topic name holds a control character");
    if (c == '*') return Status(Code::kInvalid, quoted + ": '*' is for patterns only");
    const size_t n = Utf8Length(name, i);
    if (n == 0) return Status(Code::kInvalid, "topic name is not UTF-8");
    i += n;
  }
  return Status();
}

DomainOptions DomainOptions::FromEnvironment() {
  DomainOptions o;
  if (const char* root = getenv("SMT_ROOT"); root != nullptr && *root != '\0') o.root = root;
  if (const char* domain = getenv("SMT_DOMAIN"); domain != nullptr && *domain != '\0') o.domain = domain;
  if (const char* group = getenv("SMT_GROUP"); group != nullptr && *group != '\0') o.group = group;
  return o;
}

Result<Domain> Domain::open(const DomainOptions& options) {
  if (Status s = CheckName("domain", options.domain); !s.ok()) return s;
  long gid = -1;
  if (!options.group.empty()) {
    const group* g = getgrnam(options.group.c_str());
    if (g == nullptr) return Status(Code::kInvalid, "no such group '" + options.group + "'");
    gid = g->gr_gid;
  }
  Result<Fd> root = OpenFolder(AT_FDCWD, options.root, options.root, options.create, 01777, -1);
  if (!root.ok()) return root.status();
  struct stat st;
  if (fstat(root->get(), &st) != 0) return Status::FromErrno("cannot look at " + options.root, errno);
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    return Status(Code::kDenied, options.root + " belongs to user " + std::to_string(st.st_uid) +
                                     ": it must be root's or yours; choose another --root");
  }
  if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) {
    return Status(Code::kDenied, options.root + " has rights " + Octal(st.st_mode) +
                                     ": others could replace your domain; chmod 1777 it");
  }

  auto state = std::make_shared<State>();
  state->path = options.root + "/" + options.domain;
  state->name = options.domain;
  state->clock = options.clock;
  Result<Fd> folder =
      OpenFolder(root->get(), options.domain, state->path, options.create, gid >= 0 ? 03770 : 0700, gid);
  if (!folder.ok()) return folder.status();
  if (fstat(folder->get(), &st) != 0) return Status::FromErrno("cannot look at " + state->path, errno);
  const mode_t mode = st.st_mode & 07777;
  state->owner = st.st_uid;
  state->gid = st.st_gid;
  state->shared = mode == 03770;
  if (!state->shared && (mode & 077) != 0) {
    return Status(Code::kDenied, state->path + " has rights " + Octal(mode) +
                                     ": expected 0700, or 03770 for a group; chmod it, or remove the folder");
  }
  if (gid >= 0 && (!state->shared || st.st_gid != static_cast<gid_t>(gid))) {
    return Status(Code::kDenied, state->path + " is not shared with group '" + options.group + "' (rights " +
                                     Octal(mode) + ", group " + std::to_string(st.st_gid) +
                                     "): remove the folder, or chgrp it and chmod 3770 it");
  }
  if (gid < 0 && st.st_uid != geteuid()) {
    if (geteuid() != 0) {
      return Status(Code::kDenied,
                    state->path + " belongs to user " + std::to_string(st.st_uid) +
                        (state->shared ? ": pass --group to join it" : ": use another --domain"));
    }
    state->may_write = false;
  }
  state->folder = std::move(*folder);
  return Domain(std::move(state));
}

const std::string& Domain::path() const { return state_->path; }
const std::string& Domain::name() const { return state_->name; }
const Clock& Domain::clock() const { return state_->clock; }

Result<std::vector<std::string>> Domain::nodes() const { return state_->nodes(); }

Result<std::vector<std::string>> Domain::State::nodes() const {
  const int fd = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = fd >= 0 ? fdopendir(fd) : nullptr;
  if (dir == nullptr) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return Status::FromErrno("cannot list " + path, error);
  }
  std::vector<std::string> names;
  while (const dirent* e = readdir(dir)) {
    if (CheckName("node", e->d_name).ok()) names.emplace_back(e->d_name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Id128> Domain::origin_id() const {
  static const std::string kFile = ".origin";
  for (int attempt = 0; attempt < 8; ++attempt) {
    struct stat st;
    Result<Fd> file = state_->open_file(kFile, O_RDONLY, true, &st);
    if (file.ok()) {
      Id128 id;
      if (st.st_size != 16 || pread(file->get(), id.data(), id.size(), 0) != 16) {
        return Status(Code::kDamaged, state_->path + "/" + kFile + " is not 16 bytes: remove it");
      }
      return id;
    }
    if (file.status().code() != Code::kNotFound) return file.status();
    uint8_t fresh[16];
    if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh) return Status::FromErrno("getrandom", errno);
    Result<Fd> made = state_->unnamed(state_->segment_mode(), 16, 16, kFile);
    if (!made.ok()) return made.status();
    if (pwrite(made->get(), fresh, sizeof fresh, 0) != sizeof fresh) return Status::FromErrno(kFile, errno);
    if (Status s = state_->link(*made, kFile); !s.ok() && s.code() != Code::kInUse) return s;
  }
  return Status(Code::kSystem, state_->path + "/" + kFile + " comes and goes");
}

Status Domain::State::no_space(uint64_t bytes, const std::string& what) const {
  struct statvfs v;
  std::string figures;
  if (fstatvfs(folder.get(), &v) == 0) {
    const uint64_t all = v.f_blocks * v.f_frsize;
    figures = " (" + BytesText(all) + ", " + BytesText(all - v.f_bavail * v.f_frsize) + " used";
    if (v.f_files != 0 && v.f_favail == 0) figures += ", no inodes left";
    figures += ")";
  }
  return Status(Code::kNoSpace, "no space in " + path + figures + ": need " + BytesText(bytes) + " for " +
                                    what +
                                    "; remove dead topics with smttopic rm; in Docker pass --shm-size");
}

Result<Fd> Domain::State::unnamed(mode_t mode, uint64_t bytes, uint64_t reserve,
                                  const std::string& what) const {
  if (!may_write) {
    return Status(Code::kDenied,
                  path + " belongs to user " + std::to_string(owner) + ": nothing is written there");
  }
  Fd fd(openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
  if (!fd.ok()) {
    if (errno == ENOSPC) return no_space(reserve, what);
    return Status::FromErrno("cannot make a file in " + path, errno);
  }
  if (fchmod(fd.get(), mode) != 0) return Status::FromErrno("cannot set rights in " + path, errno);
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return Status::FromErrno("cannot size " + what + " in " + path + " to " + BytesText(bytes), errno);
  }
  // posix_fallocate, never a hole: touching a hole of a full folder kills by SIGBUS.
  if (const int error = posix_fallocate(fd.get(), 0, static_cast<off_t>(reserve)); error != 0) {
    if (error == ENOSPC) return no_space(reserve, what);
    return Status::FromErrno("cannot reserve " + BytesText(reserve) + " for " + what + " in " + path, error);
  }
  return fd;
}

Status Domain::State::link(const Fd& file, const std::string& as) const {
  const std::string from = "/proc/self/fd/" + std::to_string(file.get());
  if (linkat(AT_FDCWD, from.c_str(), folder.get(), as.c_str(), AT_SYMLINK_FOLLOW) == 0) return Status();
  if (errno == EEXIST) return Status(Code::kInUse, path + "/" + as + " is there already");
  if (errno == ENOSPC) return no_space(layout::kHeaderBytes, "the name " + as);
  if (errno == ENOENT) return Status(Code::kSystem, "cannot name " + path + "/" + as + ": is /proc mounted?");
  return Status::FromErrno("cannot name " + path + "/" + as, errno);
}

Result<Fd> Domain::State::open_file(const std::string& file, int flags, bool foreign, struct stat* st) const {
  const std::string full = path + "/" + file;
  Fd fd(openat(folder.get(), file.c_str(), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) {
    if (errno == ENOENT) return Status(Code::kNotFound, "no " + full);
    if (errno == ELOOP) return Status(Code::kDenied, full + " is a symbolic link: remove it");
    const int error = errno;
    if (error == EACCES && fstatat(folder.get(), file.c_str(), st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st->st_uid != geteuid()) {
      return Status(Code::kDenied, full + " belongs to user " + std::to_string(st->st_uid) +
                                       " and may not be opened so: choose another node name");
    }
    errno = error;
    return Status::FromErrno("cannot open " + full, errno);
  }
  if (fstat(fd.get(), st) != 0) return Status::FromErrno("cannot look at " + full, errno);
  if (!S_ISREG(st->st_mode)) return Status(Code::kDenied, full + " is not a regular file: remove it");
  // No link: unlinked since it was opened. More than one: it could be somebody's other file.
  if (st->st_nlink == 0) return Status(Code::kNotFound, full + " has just been removed");
  if (st->st_nlink != 1) return Status(Code::kDenied, full + " has other hard links: remove it");
  if (st->st_uid != geteuid() && st->st_uid != owner && !(foreign && shared)) {
    return Status(Code::kDenied, full + " belongs to user " + std::to_string(st->st_uid) + ": remove it");
  }
  return fd;
}

}  // namespace smt
