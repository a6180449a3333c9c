// Declares CLI11's classes for headers that only pass them on: its own header costs seconds in each file.
#ifndef SMT_CMD_CLI_CLI_H_
#define SMT_CMD_CLI_CLI_H_

namespace CLI {
class App;
class Option;
}  // namespace CLI

#endif  // SMT_CMD_CLI_CLI_H_
