#include "shm/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

namespace smt {
namespace {

// The files of one version of control groups.
struct Version {
  const char *file_system, *limit, *usage, *inactive, *active;
};
constexpr Version kVersions[] = {
    {"cgroup2", "memory.max", "memory.current", "inactive_file", "active_file"},
    {"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"}};

bool lists(const std::string& words, const std::string& word) {
  return ("," + words + ",").find("," + word + ",") != std::string::npos;
}

// Which group this process is in, of a version: the third part of a line N:CONTROLLERS:PATH.
std::string group_path(const std::string& system_root, const Version& version) {
  const bool second = &version == kVersions;
  std::ifstream lines(system_root + "/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const size_t name = line.find(':'), path = line.find(':', name + 1);
    if (path == line.npos) continue;
    const std::string controllers = line.substr(name + 1, path - name - 1);
    if (second ? controllers.empty() && line.starts_with("0:") : lists(controllers, "memory"))
      return line.substr(path + 1);
  }
  return "";
}

struct Mount {
  std::string root, point;  // the group that is seen at `point`
};

std::optional<Mount> mount_of(const std::string& system_root, const Version& version) {
  std::ifstream lines(system_root + "/proc/self/mountinfo");
  for (std::string line; std::getline(lines, line);) {
    const size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::istringstream about(line.substr(dash + 3)), words(line);
    std::string type, source, options, skipped;
    about >> type >> source >> options;
    if (type != version.file_system || (type == "cgroup" && !lists(options, "memory"))) continue;
    Mount mount;
    words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    return mount;
  }
  return std::nullopt;
}

// Nothing: there is no number, as where the limit is "max".
std::optional<uint64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  uint64_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

uint64_t value_of(const std::string& file, const std::string& key) {
  std::ifstream lines(file);
  std::string word;
  for (uint64_t value = 0; lines >> word >> value;) {
    if (word == key) return value;
  }
  return 0;
}

// What of `free` bytes may be taken: the rest is for the program, and for what the kernel keeps of pages.
uint64_t room_in(uint64_t free) {
  constexpr uint64_t kProgram = 1 << 20;
  free -= free / 32;
  return free > kProgram ? free - kProgram : 0;
}

void look_at(const std::string& folder, const Version& version, MemoryLimit* tightest) {
  const std::string file = folder + "/" + version.limit;
  const std::optional<uint64_t> limit = number_in(file), usage = number_in(folder + "/" + version.usage);
  if (!limit || !usage) return;
  // Pages of files are given up before anything is killed; those of a tmpfs are none of them.
  const std::string stat = folder + "/memory.stat";
  const uint64_t files = value_of(stat, version.inactive) + value_of(stat, version.active);
  const uint64_t used = *usage - std::min(*usage, files);
  const uint64_t room = room_in(*limit - std::min(*limit, used));
  if (room < tightest->room_bytes) *tightest = {room, *limit, file};
}

}  // namespace

MemoryLimit memory_limit(const std::string& system_root) {
  MemoryLimit tightest;
  for (const Version& version : kVersions) {
    const std::optional<Mount> mount = mount_of(system_root, version);
    std::string path = group_path(system_root, version);
    if (!mount || path.empty()) continue;
    // A container sees a part of the tree: its own group, or one above it.
    const std::string root = mount->root == "/" ? "" : mount->root;
    path =
        (path + "/").starts_with(root + "/") && path.find("/..") == path.npos ? path.substr(root.size()) : "";
    while (path.ends_with('/')) path.pop_back();
    for (;;) {
      look_at(system_root + mount->point + path, version, &tightest);
      if (path.empty()) break;
      path.resize(path.rfind('/'));
    }
  }
  // Without a limit version 1 has one of nearly 2^63 bytes.
  return tightest.bytes >= uint64_t{1} << 60 ? MemoryLimit() : tightest;
}

}  // namespace smt
