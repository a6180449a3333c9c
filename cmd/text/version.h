#ifndef SMT_CMD_TEXT_VERSION_H_
#define SMT_CMD_TEXT_VERSION_H_

#include <string>

namespace smt::cmd {

// The version that every tool prints: "smtrelay 0.1.0".
std::string version();

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_VERSION_H_
