#include "shm/memory_limit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "shm/fd.h"

namespace smt {
namespace {

// The files of one version of control groups.
struct Version {
  const char *file_system, *limit, *usage, *inactive, *active;
};
constexpr Version kVersions[] = {
    {"cgroup2", "memory.max", "memory.current", "inactive_file", "active_file"},
    {"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"}};

// The whole file: this is read before each reservation, so that it is split in place, not word by word
// through a stream.
std::string text_of(const std::string& file) {
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char part[4096];
  for (ssize_t n; fd.ok() && (n = read(fd.get(), part, sizeof(part))) > 0;)
    text.append(part, static_cast<size_t>(n));
  return text;
}

// Cuts what comes before the next `end`, or all, off the front of `text`.
std::string_view cut(std::string_view* text, char end) {
  const std::string_view part = text->substr(0, text->find(end));
  text->remove_prefix(std::min(text->size(), part.size() + 1));
  return part;
}

bool lists(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    if (cut(&words, ',') == wanted) return true;
  }
  return false;
}

// What /proc says of this process: in which groups it is, and where they are mounted.
struct Process {
  std::string groups, mounts;
};

// Which group the process is in, of a version: the third part of a line N:CONTROLLERS:PATH.
std::string group_path(const Process& process, const Version& version) {
  const bool second = &version == kVersions;
  for (std::string_view lines = process.groups; !lines.empty();) {
    std::string_view path = cut(&lines, '\n');
    const std::string_view number = cut(&path, ':'), controllers = cut(&path, ':');
    if (second ? controllers.empty() && number == "0" : lists(controllers, "memory"))
      return std::string(path);
  }
  return "";
}

struct Mount {
  std::string root, point;  // the group that is seen at `point`
};

// A line: NUMBER PARENT DEVICE ROOT POINT OPTIONS... - TYPE SOURCE OPTIONS.
std::optional<Mount> mount_of(const Process& process, const Version& version) {
  for (std::string_view lines = process.mounts; !lines.empty();) {
    std::string_view words = cut(&lines, '\n');
    if (words.find(version.file_system) == words.npos) continue;  // most lines, cheaply
    const size_t dash = words.find(" - ");
    if (dash == words.npos) continue;
    std::string_view about = words.substr(dash + 3);
    const std::string_view type = cut(&about, ' ');
    cut(&about, ' ');
    if (type != version.file_system || (type == "cgroup" && !lists(cut(&about, ' '), "memory"))) continue;
    for (int skipped = 0; skipped < 3; ++skipped) cut(&words, ' ');
    Mount mount;
    mount.root = cut(&words, ' ');
    mount.point = cut(&words, ' ');
    return mount;
  }
  return std::nullopt;
}

// Nothing: there is no number, as where the limit is "max".
std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// The sum of two of the lines KEY NUMBER.
uint64_t sum_of(std::string_view lines, std::string_view key, std::string_view other) {
  uint64_t sum = 0;
  while (!lines.empty()) {
    std::string_view value = cut(&lines, '\n');
    const std::string_view name = cut(&value, ' ');
    if (name == key || name == other) sum += number_of(value).value_or(0);
  }
  return sum;
}

// What of `free` bytes may be taken: the rest is for the program, and for what the kernel keeps of pages.
uint64_t room_in(uint64_t free) {
  constexpr uint64_t kProgram = 1 << 20;
  free -= free / 32;
  return free > kProgram ? free - kProgram : 0;
}

void look_at(const std::string& folder, const Version& version, MemoryLimit* tightest) {
  const std::string file = folder + "/" + version.limit;
  const std::optional<uint64_t> limit = number_of(text_of(file)),
                                usage = number_of(text_of(folder + "/" + version.usage));
  if (!limit || !usage) return;
  // Pages of files are given up before anything is killed; those of a tmpfs are none of them.
  const uint64_t files = sum_of(text_of(folder + "/memory.stat"), version.inactive, version.active);
  const uint64_t used = *usage - std::min(*usage, files);
  const uint64_t room = room_in(*limit - std::min(*limit, used));
  if (room < tightest->room_bytes) *tightest = {room, *limit, file};
}

}  // namespace

MemoryLimit memory_limit(const std::string& system_root) {
  MemoryLimit tightest;
  const Process process = {text_of(system_root + "/proc/self/cgroup"),
                           text_of(system_root + "/proc/self/mountinfo")};
  for (const Version& version : kVersions) {
    const std::optional<Mount> mount = mount_of(process, version);
    std::string path = group_path(process, version);
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
