#include "shm/place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "shm/fd.h"

namespace smt {

const Id128& boot_id() {
  static const Id128 id = [] {
    Id128 parsed{};
    char text[64] = {};
    const Fd fd(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    if (!fd.ok() || read(fd.get(), text, sizeof text - 1) <= 0) return parsed;
    int digits = 0;
    for (const char* p = text; *p != '\0' && digits < 32; ++p) {
      const int v = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
      if (v < 0) continue;
      parsed[static_cast<size_t>(digits / 2)] |= static_cast<uint8_t>(digits % 2 == 0 ? v << 4 : v);
      ++digits;
    }
    return parsed;
  }();
  return id;
}

bool is_in_memory(const struct statfs& file_system) {
  return file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC;
}

bool is_of_this_boot(const uint8_t (&id)[16], int fd) {
  if (boot_id() != Id128{} && memcmp(id, boot_id().data(), sizeof id) == 0) return true;
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 && is_in_memory(file_system);
}

namespace {

// The folder `name` of `fd`, and the one above it.
bool is_mount_of_root(int fd, const char* name, const char* above_it) {
  constexpr int kFlags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
  struct statx at;
  if (statx(fd, name, kFlags, STATX_UID, &at) != 0 || at.stx_uid != 0) return false;
  if ((at.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
    return (at.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  // An older kernel: a bind mount of the same file system is not seen.
  struct stat here, above;
  return fstatat(fd, name, &here, kFlags) == 0 && fstatat(fd, above_it, &above, 0) == 0 &&
         here.st_dev != above.st_dev;
}

}  // namespace

bool is_mount_of_root(int fd) { return is_mount_of_root(fd, "", ".."); }

bool is_mount_of_root(const std::string& folder) {
  return is_mount_of_root(AT_FDCWD, folder.c_str(), (folder + "/..").c_str());
}

uint64_t time_namespace() {
  struct stat st;
  return stat("/proc/self/ns/time", &st) == 0 ? st.st_ino : 0;
}

std::string host_name() {
  char name[65] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "unknown";
  return name;
}

}  // namespace smt
