// Of the doctor: processes that publish into files which have no name any more.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>

#include "cmd/doctor/doctor.h"
#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/name.h"

namespace smt::cmd {
namespace {

// The node whose segment this descriptor of a process is, if that was removed and its owner still uses it;
// else "".
std::string lost_node(const std::string& link, const std::string& folder) {
  struct stat opened, file;
  if (lstat(link.c_str(), &opened) != 0 || (opened.st_mode & S_IWUSR) == 0) return "";  // a reader's
  std::array<char, 4096> target;
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  if (length <= 0 || !std::string_view(target.data(), static_cast<size_t>(length)).starts_with(folder + "/"))
    return "";
  if (stat(link.c_str(), &file) != 0 || !S_ISREG(file.st_mode) || file.st_nlink != 0) return "";
  const Fd fd(open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  alignas(layout::Header) std::byte copy[sizeof(layout::Header)] = {};
  if (!fd.ok() || pread(fd.get(), copy, sizeof copy, 0) != static_cast<ssize_t>(sizeof copy)) return "";
  const auto* header = reinterpret_cast<const layout::Header*>(copy);
  if (header->magic != layout::kMagic || header->retired.load(std::memory_order_relaxed) != 0) return "";
  const std::string node(header->node, strnlen(header->node, sizeof header->node));
  return check_name("node", node).ok() ? node : "";
}

}  // namespace

std::vector<Finding> check_lost(const DoctorOptions& options) {
  const std::string folder = std::filesystem::absolute(options.domain.root + "/" + options.domain.domain)
                                 .lexically_normal()
                                 .string();
  std::map<std::string, std::string> lost;  // pid, by node
  std::error_code error;
  for (std::filesystem::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::string pid = process->path().filename();
    if (!std::all_of(pid.begin(), pid.end(), [](unsigned char c) { return isdigit(c) != 0; })) continue;
    std::error_code denied;  // a process of another user
    for (std::filesystem::directory_iterator fd("/proc/" + pid + "/fd", denied), last; !denied && fd != last;
         fd.increment(denied)) {
      if (const std::string node = lost_node(fd->path(), folder); !node.empty()) lost[node] = pid;
    }
  }
  std::vector<Finding> findings;
  for (const auto& [node, pid] : lost) {
    findings.push_back({Finding::Kind::kProblem, "lost",
                        fmt::format("node {} (pid {}) lives, and its memory was removed from {}: programs "
                                    "that start now do not find its topics; start it again",
                                    node, pid, folder),
                        ""});
  }
  return findings;
}

}  // namespace smt::cmd
