// Command lines of these tools, as people copy them into a shell.
#ifndef SMT_CMD_TEXT_COMMANDS_H_
#define SMT_CMD_TEXT_COMMANDS_H_

#include <string>
#include <vector>

#include "shm/domain.h"

namespace smt::cmd {

// The flags by which a tool finds the domain.
std::string domain_flags(const DomainOptions& domain);
// Removes what these nodes left, and nothing of a node that lives.
std::string removal_command(const DomainOptions& domain, const std::vector<std::string>& nodes);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_COMMANDS_H_
