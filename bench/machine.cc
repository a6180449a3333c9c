#include "bench/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

namespace smt::bench {
namespace {

// What stands after `key` and a separator in the first line of the file that begins with it, without quotes.
std::string value_in(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t begin = line.find_first_not_of(" \t:=\"", key.size());
    const size_t end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? "" : line.substr(begin, end + 1 - begin);
  }
  return "";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> machine() {
  utsname kernel = {};
  uname(&kernel);
  // What follows a '-' names a build.
  const std::string release = std::string(kernel.release).substr(0, strcspn(kernel.release, "-"));
  const double bytes =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const bool is_virtual = value_in("/proc/cpuinfo", "flags").find(" hypervisor") != std::string::npos;
  return {{"processor", value_in("/proc/cpuinfo", "model name") + (is_virtual ? ", virtual" : "")},
          {"cores", fmt::format("{}", sysconf(_SC_NPROCESSORS_ONLN))},
          {"memory", fmt::format("{:.0f} GiB", std::ceil(bytes / (1 << 30)))},
          {"kernel", fmt::format("{} {}", kernel.sysname, release)},
          {"system", value_in("/etc/os-release", "PRETTY_NAME")},
          {"compiler", "gcc " __VERSION__}};
}

}  // namespace smt::bench
