// What the generators write, compiled and run.
#ifndef SMT_TESTS_TOOLS_GENERATED_H_
#define SMT_TESTS_TOOLS_GENERATED_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/paths.h"
#include "tests/text.h"
#include "tests/tools/process.h"

namespace smt::tools {

inline constexpr const char* kWarnings = " -O0 -Wall -Wextra -Wshadow -Wconversion -Werror ";

class Generated : public ToolTest {
 protected:
  // Runs a command in the test's folder and domain. Its output; what went wrong fails the test.
  std::string shell(const std::string& command) const {
    const std::string line =
        "cd " + root_ + " && SMT_ROOT=" + root_ + " SMT_DOMAIN=d " + command + " >out 2>err";
    EXPECT_EQ(std::system(line.c_str()), 0) << command << "\n" << read("err").substr(0, 4000);
    return read("out");
  }
  std::string read(const std::string& name) const {
    return contents(name[0] == '/' ? name : root_ + "/" + name);
  }
  // All four outputs: api.h, api_c.h, api.py, api.json.
  void build(const std::string& builder, const std::string& xml) const {
    const Ended ended = run({builder, xml, "--cpp", root_ + "/api.h", "--c", root_ + "/api_c.h", "--python",
                             root_ + "/api.py", "--json", root_ + "/api.json"});
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }
  void compile_cpp(const std::string& name) const {
    shell("g++ -std=c++20" + std::string(kWarnings) + "-Wno-conversion -I" + source_path(".") + " " + name +
          ".cc " SMT_LIBRARY " -pthread -o " + name);
  }
  // Compiled by gcc, and by clang where that is installed, the program prints `output`.
  void expect_from_c(const std::string& name, const std::string& output) const {
    for (const std::string compiler : {"gcc", "clang"}) {
      if (compiler == "clang" && std::system("command -v clang >/dev/null") != 0) continue;
      shell(compiler + " -std=c11" + kWarnings + name + ".c -lm -o " + name);
      EXPECT_EQ(shell("./" + name), output) << compiler;
    }
  }
};

// The first ```LANGUAGE block of a page.
inline std::string block_at(const std::string& page, const std::string& language) {
  const size_t begin = page.find("```" + language + "\n");
  if (begin == page.npos) return "";
  const size_t text = page.find('\n', begin) + 1;
  return page.substr(text, page.find("```", text) - text);
}

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_GENERATED_H_
