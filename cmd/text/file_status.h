// What is wrong with a file that the command line or a configuration names.
#ifndef SMT_CMD_TEXT_FILE_STATUS_H_
#define SMT_CMD_TEXT_FILE_STATUS_H_

#include <cerrno>
#include <cstring>
#include <string>

#include "shm/status.h"

namespace smt::cmd {

// As Status::from_errno; but a file or folder that is not there is a bad argument: kInvalid.
inline Status file_status(const std::string& what, int error) {
  if (error == ENOENT || error == ENOTDIR) return Status(Code::kInvalid, what + ": " + strerror(error));
  return Status::from_errno(what, error);
}

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_FILE_STATUS_H_
