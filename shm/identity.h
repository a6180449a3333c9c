// Users and groups of this process and of files. Internal to libsmt.
#ifndef SMT_SHM_IDENTITY_H_
#define SMT_SHM_IDENTITY_H_

#include <sys/types.h>

#include <string>

#include "shm/status.h"

namespace smt {

// Of a name in the machine's group database, else of a number. kInvalid: neither.
Result<gid_t> group_id(const std::string& group);
// One of the groups of this process, its supplementary ones included. False for root too where it is in none.
bool is_own_group(gid_t group);
// A file of this user belongs to the user of this process. False: it belongs to a user outside the user
// namespace, and so does this process.
bool is_own_user(uid_t user);

// Where a file's user may be one whom the user namespace of this process does not map: a sentence on why, and
// what to do. Else "".
std::string outside_user(uid_t user);
// Why a call that makes something failed with `error`, where the user namespace or the mount is the cause,
// and what to do: "" or " (...)", to be put behind what failed.
std::string cause_words(int error);

}  // namespace smt

#endif  // SMT_SHM_IDENTITY_H_
