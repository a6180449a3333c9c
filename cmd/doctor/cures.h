// Commands that the doctor advises: they work for the user that it runs as, and do no harm to programs that
// run.
#ifndef SMT_CMD_DOCTOR_CURES_H_
#define SMT_CMD_DOCTOR_CURES_H_

#include <sys/types.h>

#include <string>

namespace smt::cmd {

// A command that only root may run.
std::string as_root(const std::string& command);
// A command that only the owner of a file may run; "": this user may not.
std::string as_owner(uid_t user, gid_t group, const std::string& command);
// The same for a command that root may run too.
std::string as_owner_or_root(uid_t user, const std::string& command);
// Gives what lies at `path` another name in its folder, which no tool takes for a node.
std::string move_aside(const std::string& path);
// "1000 (ann)"; "1000" where the user has no name.
std::string user_text(uid_t user);

}  // namespace smt::cmd

#endif  // SMT_CMD_DOCTOR_CURES_H_
