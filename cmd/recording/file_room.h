// Room on the disk for a file that grows. A writer that takes room before it writes can still end its file
// when the disk is full, or when the file has reached the limit of the sizes of files.
#ifndef SMT_CMD_RECORDING_FILE_ROOM_H_
#define SMT_CMD_RECORDING_FILE_ROOM_H_

#include <cstdint>
#include <string>

#include "shm/status.h"

namespace smt::cmd {

// All bytes of the file `fd` from `begin` to `end` have their place on the disk afterwards. The file keeps
// its size: cutting it to that size gives the place behind its end back. kNoSpace, with the figures: there is
// no such place. A file system that cannot take room ahead (as NFS 3) passes for one that has it. `path` is
// for the message.
Status take_room(int fd, const std::string& path, uint64_t begin, uint64_t end);

// A status of `what` and `error`, with how much room there is on the disk of `fd`, or which limit is reached.
Status no_room(int fd, const std::string& what, int error);

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_FILE_ROOM_H_
