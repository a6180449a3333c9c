#include "shm/status.h"

#include <cerrno>
#include <cstring>

namespace smt {

const std::string& Status::message() const {
  static const std::string kNone;
  return rep_ ? rep_->message : kNone;
}

Status Status::from_errno(const std::string& what, int error) {
  Code code = Code::kSystem;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      code = Code::kDenied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = Code::kNoSpace;
      break;
    default:
      break;
  }
  return Status(code, what + ": " + strerror(error));
}

}  // namespace smt
