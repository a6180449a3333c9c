// Where a process runs, as far as a segment must know. Internal to libsmt.
#ifndef SMT_SHM_PLACE_H_
#define SMT_SHM_PLACE_H_

#include <sys/vfs.h>

#include <cstdint>
#include <string>

#include "shm/freshness.h"

namespace smt {

// Random, new at each boot; zero if the kernel does not tell. A container may have one of its own.
const Id128& boot_id();
// A file of such a file system ends with the kernel.
bool is_in_memory(const struct statfs& file_system);
// Whether the file that is open as `fd` was made in the present boot, by a process with this boot_id. False:
// neither the boot_id nor the file system proves it.
bool is_of_this_boot(const uint8_t (&id)[16], int fd);
// The folder that is open as `fd` is a mount point, and belongs to root.
bool is_mount_of_root(int fd);
// The same of a path, without a descriptor; false for a symbolic link.
bool is_mount_of_root(const std::string& folder);
// Inode of /proc/self/ns/time; 0 if the kernel does not tell. BOOTTIME differs between time namespaces.
uint64_t time_namespace();
std::string host_name();

}  // namespace smt

#endif  // SMT_SHM_PLACE_H_
