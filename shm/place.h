// Where a process runs, as far as a segment must know. Internal to libsmt.
#ifndef SMT_SHM_PLACE_H_
#define SMT_SHM_PLACE_H_

#include <string>

#include "shm/freshness.h"

namespace smt {

// Random, new at each boot; zero if the kernel does not tell.
const Id128& boot_id();
// Inode of /proc/self/ns/time; 0 if the kernel does not tell. BOOTTIME differs between time namespaces.
uint64_t time_namespace();
std::string host_name();

}  // namespace smt

#endif  // SMT_SHM_PLACE_H_
