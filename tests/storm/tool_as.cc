#include "storm/tool_as.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "tests/paths.h"

namespace smt::storm {

std::string open_tool(const char* tool) {
  const int fd = open(fmt::format("{}/{}", bin_dir(), tool).c_str(), O_RDONLY);
  if (fd < 0) must(Status::from_errno(tool, errno));
  return fmt::format("/proc/self/fd/{}", fd);
}

std::string run_as(const Identity& who, const std::string& command) {
  return as(who, [&] {
    FILE* out = popen((command + " 2>&1").c_str(), "r");
    std::string text;
    char bytes[512];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, out)) > 0;) text.append(bytes, n);
    return fmt::format("exit {}: {}", WEXITSTATUS(pclose(out)), text);
  });
}

int exec_tool(const Args& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return 127;
}

}  // namespace smt::storm
