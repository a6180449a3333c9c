// Flags whose text is read by a function that says what is wrong with it.
#ifndef SMT_CMD_CLI_PARSED_FLAG_H_
#define SMT_CMD_CLI_PARSED_FLAG_H_

#include <CLI/CLI.hpp>
#include <string>

#include "cmd/text/words.h"
#include "shm/status.h"

namespace smt::cmd {

// The value of a flag, or the error that says what is wrong with it.
template <class T>
T value_or_throw(const std::string& flag, const Result<T>& value) {
  if (!value.ok()) throw CLI::ValidationError(flag, value.status().message());
  return *value;
}

// A flag whose text is read by `parse`.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& flag, T* out, const std::string& what,
                        Parse parse) {
  return app.add_option_function<std::string>(
      flag, [=](const std::string& text) { *out = value_or_throw(flag, parse(text)); }, what);
}

// A flag whose value is one of `words`.
template <class U, class Words>
CLI::Option* add_word(CLI::App& app, const std::string& flag, const Words& words, U* out,
                      const std::string& what) {
  return add_parsed(app, flag, out, what,
                    [&words](const std::string& text) { return parse_word(words, text); });
}

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_PARSED_FLAG_H_
