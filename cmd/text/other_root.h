// Domains lie in /run/smt where root has mounted that, and in /dev/shm/smt otherwise. Programs that began
// before that mount, or are of an earlier release, are in the other one, and neither sees the other.
#ifndef SMT_CMD_TEXT_OTHER_ROOT_H_
#define SMT_CMD_TEXT_OTHER_ROOT_H_

#include <string>
#include <vector>

#include "shm/domain.h"

namespace smt::cmd {

// Of two folders the one that is not this; "": it is neither.
std::string other_root(const std::string& root);
// The live nodes of the domain of this name under the other root, as far as this user may look.
std::vector<std::string> nodes_elsewhere(const DomainOptions& options);
// What is to be said of them, with both paths; "": there are none.
std::string elsewhere_text(const DomainOptions& options);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_OTHER_ROOT_H_
