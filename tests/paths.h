// Where the sources and the tools lie. No macros of the tests': their objects are the same wherever the tree is.
#ifndef SMT_TESTS_PATHS_H_
#define SMT_TESTS_PATHS_H_

#include <string>

namespace smt {

// "file" is relative to the top of the sources.
std::string source_path(const std::string& file);
// Of the binaries of this build.
std::string bin_dir();

}  // namespace smt

#endif  // SMT_TESTS_PATHS_H_
