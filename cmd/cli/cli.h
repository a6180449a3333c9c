// Of CLI11, for what only passes it on: to compile its header takes seconds, in each file.
#ifndef SMT_CMD_CLI_CLI_H_
#define SMT_CMD_CLI_CLI_H_

namespace CLI {
class App;
class Option;
}  // namespace CLI

#endif  // SMT_CMD_CLI_CLI_H_
