// Acting as another user. Needs root.
#ifndef SMT_TESTS_STORM_IDENTITY_H_
#define SMT_TESTS_STORM_IDENTITY_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "shm/status.h"

namespace smt::storm {

inline constexpr const char* kGroup = "users";  // in every Debian

struct Identity {
  const char* name;
  uid_t uid;      // and a group of that number
  bool in_group;  // of kGroup
};
inline constexpr Identity kRoot{"root", 0, false};
inline constexpr Identity kOwner{"owner", 61001, true};
inline constexpr Identity kMember{"member", 61002, true};
inline constexpr Identity kStranger{"stranger", 61003, false};

// For good. Not as kRoot.
void become(const Identity& identity);

// "ok", "denied: <message>", or "<code>: <message>" for another error.
std::string outcome_of(const Status& status);
// The same of a system call that has just returned: `success`, or errno (EACCES and EPERM are "denied").
std::string outcome_of(bool success);

// What the function returns in a forked child of that identity. REQUIRES: this process has no node.
std::string as(const Identity& identity, const std::function<std::string()>& function);

}  // namespace smt::storm

#endif  // SMT_TESTS_STORM_IDENTITY_H_
