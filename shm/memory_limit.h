// The memory limit of the control groups (cgroups) that this process is in. Memory of a file in a tmpfs
// counts against it, and a process that exceeds it is killed: so it is asked before memory is reserved.
// Internal to libsmt.
#ifndef SMT_SHM_MEMORY_LIMIT_H_
#define SMT_SHM_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>

namespace smt {

struct MemoryLimit {
  // What may be reserved yet, with something left for the program itself. UINT64_MAX: there is no limit, or
  // none can be told.
  uint64_t room_bytes = UINT64_MAX;
  uint64_t bytes = UINT64_MAX;  // the limit that leaves no more than that
  std::string file = {};        // where it stands
};

// The least room of all groups from that of this process upwards, as far as they can be seen: version 2
// (memory.max) and version 1 (memory.limit_in_bytes). `system_root`: where proc and the control groups are
// looked for; "" is the machine itself.
MemoryLimit memory_limit(const std::string& system_root = "");

}  // namespace smt

#endif  // SMT_SHM_MEMORY_LIMIT_H_
