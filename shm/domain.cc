#include "shm/domain.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "shm/domain_folder.h"

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
      return Status::from_errno("cannot make folder " + path, errno);
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
      return Status::from_errno("cannot give folder " + path + " to the group: are you in it?", error);
    }
    if (fchmod(fd.get(), mode) != 0) return Status::from_errno("cannot set the rights of " + path, errno);
  }
  return fd;
}

}  // namespace

DomainOptions DomainOptions::from_environment() {
  DomainOptions o;
  if (const char* root = getenv("SMT_ROOT"); root != nullptr && *root != '\0') o.root = root;
  if (const char* domain = getenv("SMT_DOMAIN"); domain != nullptr && *domain != '\0') o.domain = domain;
  if (const char* group = getenv("SMT_GROUP"); group != nullptr && *group != '\0') o.group = group;
  return o;
}

Result<Domain> Domain::open(const DomainOptions& options) {
  if (Status s = check_name("domain", options.domain); !s.ok()) return s;
  long gid = -1;
  if (!options.group.empty()) {
    const group* g = getgrnam(options.group.c_str());
    if (g == nullptr) return Status(Code::kInvalid, "no such group '" + options.group + "'");
    gid = g->gr_gid;
  }
  Result<Fd> root = open_folder(AT_FDCWD, options.root, options.root, options.create, 01777, -1);
  if (!root.ok()) return root.status();
  struct stat st;
  if (fstat(root->get(), &st) != 0) return Status::from_errno("cannot look at " + options.root, errno);
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    return Status(Code::kDenied, options.root + " belongs to user " + std::to_string(st.st_uid) +
                                     ": it must be root's or yours; choose another --root");
  }
  if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) {
    return Status(Code::kDenied, options.root + " has rights " + octal(st.st_mode) +
                                     ": others could replace your domain; chmod 1777 it");
  }

  auto folder = std::make_shared<DomainFolder>();
  folder->path = options.root + "/" + options.domain;
  folder->name = options.domain;
  folder->clock = options.clock;
  Result<Fd> fd =
      open_folder(root->get(), options.domain, folder->path, options.create, gid >= 0 ? 03770 : 0700, gid);
  if (!fd.ok()) return fd.status();
  if (fstat(fd->get(), &st) != 0) return Status::from_errno("cannot look at " + folder->path, errno);
  const mode_t mode = st.st_mode & 07777;
  folder->owner = st.st_uid;
  folder->gid = st.st_gid;
  folder->shared = mode == 03770;
  if (!folder->shared && (mode & 077) != 0) {
    return Status(Code::kDenied, folder->path + " has rights " + octal(mode) +
                                     ": expected 0700, or 03770 for a group; smtdoctor tells the cure");
  }
  if (gid >= 0 && (!folder->shared || st.st_gid != static_cast<gid_t>(gid))) {
    return Status(Code::kDenied, folder->path + " is not shared with group '" + options.group + "' (rights " +
                                     octal(mode) + ", group " + std::to_string(st.st_gid) +
                                     "): choose another --domain, or the --group that shares it");
  }
  if (gid < 0 && st.st_uid != geteuid()) {
    if (geteuid() != 0) {
      return Status(Code::kDenied,
                    folder->path + " belongs to user " + std::to_string(st.st_uid) +
                        (folder->shared ? ": pass --group to join it" : ": use another --domain"));
    }
    folder->may_write = false;
  }
  folder->fd = std::move(*fd);
  return Domain(std::move(folder));
}

const std::string& Domain::path() const { return folder_->path; }
const std::string& Domain::name() const { return folder_->name; }
const Clock& Domain::clock() const { return folder_->clock; }

Result<std::vector<std::string>> Domain::nodes() const { return folder_->nodes(); }

Result<Id128> Domain::origin_id() const {
  static const std::string kFile = ".origin";
  for (int attempt = 0; attempt < 8; ++attempt) {
    struct stat st;
    Result<Fd> file = folder_->open_file(kFile, O_RDONLY, true, &st);
    if (file.ok()) {
      Id128 id;
      if (st.st_size != 16 || pread(file->get(), id.data(), id.size(), 0) != 16) {
        return Status(Code::kDamaged, folder_->path + "/" + kFile + " is not 16 bytes: remove it");
      }
      return id;
    }
    if (file.status().code() != Code::kNotFound) return file.status();
    uint8_t fresh[16];
    if (getrandom(fresh, sizeof fresh, 0) != sizeof fresh) return Status::from_errno("getrandom", errno);
    Result<Fd> made = folder_->unnamed(folder_->segment_mode(), 16, 16, kFile);
    if (!made.ok()) return made.status();
    if (pwrite(made->get(), fresh, sizeof fresh, 0) != sizeof fresh) return Status::from_errno(kFile, errno);
    if (Status s = folder_->link(*made, kFile); !s.ok() && s.code() != Code::kInUse) return s;
  }
  return Status(Code::kSystem, folder_->path + "/" + kFile + " comes and goes");
}

}  // namespace smt
