// The verbs of a tool: one table makes its subcommands, their help and the list of their names.
#ifndef SMT_CMD_CLI_VERBS_H_
#define SMT_CMD_CLI_VERBS_H_

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/cli/cli.h"
#include "cmd/cli/options.h"

namespace smt::cmd {

using Run = std::function<int()>;

// `add` declares the arguments and flags of the verb; when the command line chose it, `*run` is what to do,
// and returns the exit code. `options`, those of the tool, are read only then.
template <class Options>
struct Verb {
  const char* name;
  const char* description;
  void (*add)(CLI::App* verb, const Options& options, Run* run);
};

// "list, find or rm"
template <class Options, size_t n>
std::string verb_names(const Verb<Options> (&verbs)[n]) {
  std::vector<std::string_view> names;
  for (const auto& verb : verbs) names.emplace_back(verb.name);
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_VERBS_H_
