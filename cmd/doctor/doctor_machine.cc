// Of the doctor: what of the machine gets into the way of shared memory.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "cmd/doctor/cures.h"
#include "cmd/doctor/doctor.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;

constexpr rlim_t kFewFiles = 1024;

// The value of `key` in logind.conf and its drop-ins; the last one counts. Lines are KEY=VALUE.
std::optional<std::string> logind_value(const std::string& root, const std::string& key) {
  namespace fs = std::filesystem;
  std::vector<std::string> files = {root + "/etc/systemd/logind.conf"};
  std::vector<std::string> more;
  for (const char* folder :
       {"/usr/lib/systemd/logind.conf.d", "/run/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root + folder, none)) {
      if (entry.path().extension() == ".conf") more.push_back(entry.path());
    }
  }
  std::sort(more.begin(), more.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename() < b.filename(); });
  files.insert(files.end(), more.begin(), more.end());
  std::optional<std::string> value;
  for (const std::string& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      line.erase(std::remove(line.begin(), line.end(), ' '), line.end());
      if (line.starts_with(key + "=")) value = line.substr(key.size() + 1);
    }
  }
  return value;
}

// The PID namespace of the machine itself has this number in every kernel; a container has another one.
constexpr std::string_view kFirstPidNamespace = "pid:[4026531836]";

bool is_contained(const std::string& root) {
  namespace fs = std::filesystem;
  // Docker's, Podman's, and what systemd and systemd-nspawn leave.
  for (const char* mark :
       {"/.dockerenv", "/run/.containerenv", "/run/systemd/container", "/run/host/container-manager"}) {
    if (fs::exists(root + mark)) return true;
  }
  std::error_code none;
  const std::string name = fs::read_symlink(root + "/proc/self/ns/pid", none).string();
  return !name.empty() && name != kFirstPidNamespace;
}

// systemd removes a user's files below /dev/shm when the last session of the user ends, unless it is a system
// user, or one that lingers.
void check_remove_ipc(const DoctorOptions& options, std::vector<Finding>* findings) {
  if (!std::filesystem::exists(options.system_root + "/etc/systemd")) {
    findings->push_back({Kind::kFine, "logout", "no systemd here", ""});
    return;
  }
  if (is_contained(options.system_root) &&
      !std::filesystem::exists(options.system_root + "/run/systemd/system")) {
    findings->push_back({Kind::kFine, "logout",
                         "no systemd runs in this container; where the domain is the host's, ask there", ""});
    return;
  }
  if (!(options.domain.root + "/").starts_with("/dev/shm/")) {
    findings->push_back({Kind::kFine, "logout",
                         options.domain.root + " is not below /dev/shm: its topics stay when a user logs out",
                         ""});
    return;
  }
  std::string value = logind_value(options.system_root, "RemoveIPC").value_or("yes");
  std::transform(value.begin(), value.end(), value.begin(), ::tolower);
  if (value == "no" || value == "0" || value == "false" || value == "off") {
    findings->push_back({Kind::kFine, "logout", "topics stay when a user logs out (RemoveIPC=no)", ""});
    return;
  }
  const passwd* user = getpwuid(geteuid());
  const std::string name = user != nullptr ? user->pw_name : fmt::format("{}", geteuid());
  if (geteuid() < 1000) {
    findings->push_back(
        {Kind::kFine, "logout", fmt::format("{} is a system user: RemoveIPC spares it", name), ""});
  } else if (std::filesystem::exists(options.system_root + "/var/lib/systemd/linger/" + name)) {
    findings->push_back(
        {Kind::kFine, "logout", fmt::format("{} lingers: its topics stay when it logs out", name), ""});
  } else {
    findings->push_back(
        {Kind::kProblem, "logout",
         fmt::format("the topics of {} are removed when it logs out (RemoveIPC={})", name, value),
         "loginctl enable-linger " + shell_word(name)});
  }
}

void check_files(std::vector<Finding>* findings) {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  if (files.rlim_max <= kFewFiles) {
    findings->push_back(
        {Kind::kProblem, "files",
         fmt::format("a process may open {} files, and relays need two for each peer and node",
                     files.rlim_max),
         as_root("prlimit --nofile=8192:8192 --pid $$   # of this shell; in a unit LimitNOFILE=8192")});
  } else {
    findings->push_back({Kind::kFine, "files", fmt::format("a process may open {}", files.rlim_max), ""});
  }
}

struct Mount {
  std::string device, target;
};

// The one that holds the path, of lines of: device, target, type, options.
Mount mount_of(std::istream* lines, const std::string& path) {
  Mount found{"", "/"};
  for (std::string line; std::getline(*lines, line);) {
    const size_t begin = line.find(' ') + 1;
    Mount mount{line.substr(0, begin - 1), line.substr(begin, line.find(' ', begin) - begin)};
    const std::string folder = mount.target == "/" ? "/" : mount.target + "/";
    const bool holds = (path + "/").starts_with(folder);
    // Of several at one target the last is seen.
    if (holds && mount.target.size() >= found.target.size()) found = std::move(mount);
  }
  return found;
}

// A container has a /dev/shm of its own, 64 MiB unless it is told otherwise, and sees no topic of its host.
void check_container(const DoctorOptions& options, std::vector<Finding>* findings) {
  if (!is_contained(options.system_root)) {
    findings->push_back({Kind::kFine, "container", "this is none", ""});
    return;
  }
  std::ifstream mounts("/proc/self/mounts");
  if (!mounts.is_open()) {
    findings->push_back(
        {Kind::kNote, "container", "what is mounted from outside cannot be told without /proc", ""});
    return;
  }
  const Mount mount = mount_of(&mounts, options.domain.root + "/" + options.domain.domain);
  // The /dev/shm of a container is called so, and it has a /dev and mostly a /run of its own.
  const bool is_own =
      mount.target == "/" || mount.target == "/dev" || mount.target == "/run" || mount.device == "shm";
  if (!is_own) {
    findings->push_back(
        {Kind::kFine, "container",
         fmt::format("{} is in {}, which is mounted from outside", options.domain.root, mount.target), ""});
  } else {
    findings->push_back(
        {Kind::kProblem, "container",
         fmt::format(
             "{} is this container's own: it shares no topic with its host or other containers, unless it is "
             "started with -v {}:{}",
             options.domain.root, options.domain.root, options.domain.root),
         ""});
  }
}

void check_clock(std::vector<Finding>* findings) {
  timex state = {};
  const int clock = adjtimex(&state);
  if (clock == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
    findings->push_back(
        {Kind::kNote, "clock",
         "no time service disciplines this clock: stamps of several machines do not compare; ages and "
         "freshness do not need it (apt install chrony)",
         ""});
  } else {
    findings->push_back({Kind::kFine, "clock",
                         fmt::format("disciplined, to within {}", duration_text(state.esterror * 1000)), ""});
  }
}

}  // namespace

std::vector<Finding> check_machine(const DoctorOptions& options) {
  std::vector<Finding> findings;
  check_remove_ipc(options, &findings);
  check_files(&findings);
  check_container(options, &findings);
  check_clock(&findings);
  return findings;
}

}  // namespace smt::cmd
