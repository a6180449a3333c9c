// Of the doctor: the folder of the domain, the folder above it, and the space for both.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cmd/doctor/cures.h"
#include "cmd/doctor/doctor.h"
#include "cmd/doctor/doctor_nodes.h"
#include "cmd/text/commands.h"
#include "cmd/text/other_root.h"
#include "cmd/text/text.h"
#include "shm/fd.h"
#include "shm/identity.h"
#include "shm/memory_limit.h"
#include "shm/place.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;

constexpr uint64_t kLittleSpaceBytes = 64 << 20;
constexpr mode_t kOwnMode = 0700, kGroupMode = 03770;

std::string group_name(gid_t id) {
  const struct group* known = getgrgid(id);
  return known == nullptr ? fmt::format("{}", id) : known->gr_name;
}

// Programs made the files of the folder for its group: the folder was a group's domain.
bool has_group_files(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path, none)) {
    const fs::file_status status = entry.symlink_status(none);
    const bool readable = (status.permissions() & fs::perms::group_read) != fs::perms::none;
    if (fs::is_regular_file(status) && readable) return true;
  }
  return false;
}

class RightsCheck {
 public:
  RightsCheck(const DoctorOptions& options, std::string path, std::vector<Finding>* findings)
      : options_(options), path_(std::move(path)), findings_(findings) {}

  // False: there is no folder to look into.
  bool look() {
    return look_at_root() && look_at_group() && is_folder() &&
           (group_.empty() ? look_at_own() : look_at_shared());
  }

 private:
  void fine(std::string text) { findings_->push_back({Kind::kFine, "rights", std::move(text), ""}); }
  bool problem(std::string text, std::string cure) {
    findings_->push_back({Kind::kProblem, "rights", std::move(text), std::move(cure)});
    return false;
  }
  // Nothing that another user's programs live on is changed for this one.
  bool use_another_domain(const std::string& text) {
    const std::string suffix = group_.empty() ? fmt::format("{}", geteuid()) : group_;
    return problem(
        text, fmt::format("export SMT_DOMAIN={}-{}", shell_word(options_.domain.domain), shell_word(suffix)));
  }
  bool look_at_root();
  bool look_at_group();
  bool is_folder();
  bool look_at_own();
  bool look_at_shared();
  bool check_mode(mode_t wanted);
  bool is_mine() const { return folder_.st_uid == geteuid(); }
  mode_t mode() const { return folder_.st_mode & 07777; }

  const DoctorOptions& options_;
  const std::string path_;
  std::vector<Finding>* findings_;
  const std::string& group_ = options_.domain.group;
  gid_t gid_ = 0;            // of group_
  struct stat folder_ = {};  // the domain's
};

// The folder that holds the domains: of root or this user, and nobody else renames what lies in it.
bool RightsCheck::look_at_root() {
  const std::string& root = options_.domain.root;
  const std::string elsewhere = fmt::format("export SMT_ROOT=/dev/shm/smt-{}", geteuid());
  struct stat st;
  if (lstat(root.c_str(), &st) != 0) return true;
  if (S_ISLNK(st.st_mode))
    return problem(root + " is a symbolic link",
                   fmt::format("export SMT_ROOT=\"$(readlink -f {})\"", shell_word(root)));
  if (!S_ISDIR(st.st_mode)) return problem(root + " is no folder", elsewhere);
  if (const std::string outside = outside_user(st.st_uid); !outside.empty() && !is_own_user(st.st_uid))
    return problem(fmt::format("{} belongs to user {}: {}", root, st.st_uid, outside), "");
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    const std::string text =
        fmt::format("{} belongs to user {}; programs use a folder of root or of their own user", root,
                    user_text(st.st_uid));
    // Root's, it serves all users, its present one too.
    const bool for_all = (st.st_mode & 07777) == 01777;
    return problem(text, for_all ? as_root("chown 0 " + shell_word(root)) : elsewhere);
  }
  if ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0) return true;
  const std::string text =
      fmt::format("{} has rights {:04o}: others could replace the domain", root, st.st_mode & 07777);
  const Fd folder(open(root.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (is_mount_of_root(folder.get()) && options_.domain.shared_root && !group_.empty()) {
    fine(text + ", and --shared-root says that whoever sees this volume is trusted");
    return true;
  }
  const std::string cure = "chmod +t " + shell_word(root);
  if (is_mount_of_root(folder.get()) && geteuid() != 0) {
    return problem(text, fmt::format("export SMT_SHARED_ROOT=true SMT_GROUP={}   # if this volume is a pod's",
                                     group_.empty() ? fmt::format("{}", st.st_gid) : shell_word(group_)));
  }
  return problem(text, as_owner_or_root(st.st_uid, cure).empty() ? as_root(cure) : cure);
}

bool RightsCheck::look_at_group() {
  if (group_.empty()) return true;
  const Result<gid_t> known = group_id(group_);
  if (!known.ok())
    return problem(fmt::format("there is no group {}", group_), as_root("groupadd " + shell_word(group_)));
  gid_ = *known;
  if (geteuid() != 0 && !is_own_group(gid_) && getgrgid(gid_) == nullptr) {
    problem(fmt::format("this process is not in group {}, which has no name here: start it so (docker run "
                        "--group-add {}, supplementalGroups of a pod, SupplementaryGroups= of a unit)",
                        group_, group_),
            "");
  } else if (geteuid() != 0 && !is_own_group(gid_)) {
    problem(fmt::format("this user is not in group {}", group_),
            as_root(fmt::format("usermod -aG {} \"$(id -un)\"   # and log in anew", shell_word(group_))));
  }
  return true;
}

bool RightsCheck::is_folder() {
  if (lstat(path_.c_str(), &folder_) != 0) {
    const bool none = errno == ENOENT;
    findings_->push_back({Kind::kNote, "rights",
                          fmt::format("{}: {}{}", path_, strerror(errno),
                                      none ? "; the first program that publishes makes it" : ""),
                          ""});
    return false;
  }
  if (S_ISDIR(folder_.st_mode)) return true;
  const std::string text = path_ + " is no folder (a symbolic link, or a file)";
  const std::string cure = as_owner_or_root(folder_.st_uid, move_aside(path_));
  return cure.empty() ? use_another_domain(text) : problem(text, cure);
}

// Without --group.
bool RightsCheck::look_at_own() {
  const bool shared = mode() == kGroupMode;
  const std::string owner = user_text(folder_.st_uid), name = group_name(folder_.st_gid);
  if (!is_mine() && geteuid() != 0 && shared) {
    return problem(
        fmt::format("{} is shared with group {}: programs of this user join it with --group", path_, name),
        "export SMT_GROUP=" + shell_word(name));
  }
  if (!is_mine() && geteuid() != 0) {
    return use_another_domain(
        fmt::format("{} belongs to user {}, and this is user {}: it takes another domain", path_, owner,
                    user_text(geteuid())));
  }
  if (!is_mine()) {
    findings_->push_back(
        {Kind::kNote, "rights",
         fmt::format("{} belongs to user {}: root looks into it and publishes nothing there", path_, owner),
         ""});
  }
  if (shared) {
    fine(fmt::format("{} has rights {:04o}: it is shared with group {}", path_, mode(), name));
    return true;
  }
  return check_mode((mode() & 070) != 0 && has_group_files(path_) ? kGroupMode : kOwnMode);
}

// With --group.
bool RightsCheck::look_at_shared() {
  const std::string of_path = shell_word(path_);
  if (mode() == kGroupMode && folder_.st_gid == gid_) {
    fine(fmt::format("{} has rights {:04o}", path_, mode()));
    return true;
  }
  if (mode() == kGroupMode) {
    const std::string name = group_name(folder_.st_gid);
    return problem(fmt::format("{} is shared with group {}, not with {}: programs join it with --group {}",
                               path_, name, group_, name),
                   "export SMT_GROUP=" + shell_word(name));
  }
  if (!is_mine()) {
    return use_another_domain(fmt::format("{} belongs to user {} and is not shared with a group", path_,
                                          user_text(folder_.st_uid)));
  }
  if (folder_.st_gid == gid_) return check_mode(kGroupMode);
  return problem(
      fmt::format("{} is not of group {}", path_, group_),
      fmt::format("chgrp {} {} && chmod {:o} {}", shell_word(group_), of_path, kGroupMode, of_path));
}

bool RightsCheck::check_mode(mode_t wanted) {
  if (mode() == wanted) {
    fine(fmt::format("{} has rights {:04o}", path_, mode()));
    return true;
  }
  const std::string of =
      wanted == kOwnMode ? "a domain of one user" : "a domain of group " + group_name(folder_.st_gid);
  problem(fmt::format("{} has rights {:04o}; {} needs {:04o}, and programs refuse any other", path_, mode(),
                      of, wanted),
          fmt::format("chmod {:o} {}", wanted, shell_word(path_)));
  return true;
}

// A file system in memory may grow to three quarters of the machine's.
uint64_t max_file_system_bytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 4 *
         3;
}

// What the control groups of this process allow of it.
void check_limit(const DoctorOptions& options, std::vector<Finding>* findings) {
  const MemoryLimit limit = memory_limit(options.system_root == "/" ? "" : options.system_root);
  if (limit.file.empty()) return;
  const bool little = limit.room_bytes < limit.bytes / 10;
  findings->push_back(
      {little ? Kind::kProblem : Kind::kFine, "limit",
       fmt::format("topics and programs may take {} ({}); {} are free{}", bytes_text(limit.bytes), limit.file,
                   bytes_text(limit.room_bytes),
                   little ? ": raise it (docker run --memory, MemoryMax=, resources.limits.memory)" : ""),
       ""});
}

// Where domains lie, and who of this one lies elsewhere.
void check_root(const DoctorOptions& options, std::vector<Finding>* findings) {
  const std::string &root = options.domain.root, other = other_root(root), usual = default_root();
  if (const std::string text = elsewhere_text(options.domain); !text.empty()) {
    findings->push_back({Kind::kProblem, "root", text, "export SMT_ROOT=" + other});
    return;
  }
  const std::string why = root != usual             ? "as --root or SMT_ROOT says"
                          : other == "/dev/shm/smt" ? "which root has mounted: no logout removes topics there"
                                                    : "as nothing of root's is mounted at /run/smt";
  findings->push_back({Kind::kFine, "root", fmt::format("domains are in {}, {}", root, why), ""});
}

void check_space(const std::string& path, std::vector<Finding>* findings) {
  struct statfs fs;
  if (statfs(path.c_str(), &fs) != 0) return;
  if ((static_cast<unsigned long>(fs.f_flags) & ST_RDONLY) != 0) {
    findings->push_back(
        {Kind::kNote, "mount",
         path + " is mounted read-only: programs here read topics and publish none; a program that "
                "publishes needs it mounted without `ro`",
         ""});
  }
  const bool in_memory = is_in_memory(fs);
  const std::string elsewhere = "export SMT_ROOT=/dev/shm/smt";
  if (!in_memory) {
    findings->push_back({Kind::kProblem, "memory",
                         path + " is on a disk: topics are written back to it all the time", elsewhere});
  } else {
    findings->push_back({Kind::kFine, "memory", path + " is in memory (tmpfs)", ""});
  }
  const uint64_t total = uint64_t{fs.f_blocks} * static_cast<uint64_t>(fs.f_bsize);
  const uint64_t free = uint64_t{fs.f_bavail} * static_cast<uint64_t>(fs.f_bsize);
  const std::string figures = fmt::format("{} of {} are free", bytes_text(free), bytes_text(total));
  if (total == 0 || (free >= kLittleSpaceBytes && free >= total / 10)) {
    findings->push_back({Kind::kFine, "space", figures, ""});
    return;
  }
  const uint64_t larger = std::min(std::max<uint64_t>(512 << 20, total * 2), max_file_system_bytes()) >> 20;
  const std::string text = fmt::format("{}: {}", path, figures);
  if (!in_memory) {
    findings->push_back({Kind::kProblem, "space", text, elsewhere});
  } else if (larger <= total >> 20) {
    findings->push_back({Kind::kProblem, "space",
                         text + ", and the machine has no memory for more: remove topics, or end programs",
                         ""});
  } else {
    findings->push_back({Kind::kProblem, "space", text,
                         as_root(fmt::format("mount -o remount,size={}M \"$(findmnt -n -o TARGET -T {})\"",
                                             larger, shell_word(path)))});
  }
}

}  // namespace

std::vector<Finding> check_domain(const DoctorOptions& options) {
  std::vector<Finding> findings = check_lost(options);
  const std::string path = options.domain.root + "/" + options.domain.domain;
  const bool there = RightsCheck(options, path, &findings).look();
  std::string existing = path;
  while (access(existing.c_str(), F_OK) != 0 && existing.size() > 1) {
    existing.resize(std::max<size_t>(1, existing.find_last_of('/')));
  }
  check_space(existing, &findings);
  check_limit(options, &findings);
  check_root(options, &findings);
  if (!there) {
    check_topics(options, nullptr, &findings);
    return findings;
  }
  DomainOptions open = options.domain;
  open.create = false;
  Result<Domain> domain = Domain::open(open);
  if (domain.ok()) {
    check_nodes(options, *domain, &findings);
    check_topics(options, &*domain, &findings);
  } else if (std::none_of(findings.begin(), findings.end(),
                          [](const Finding& f) { return f.kind == Kind::kProblem; })) {
    findings.push_back({Kind::kProblem, "domain", domain.status().message(), "ls -la " + shell_word(path)});
  }
  return findings;
}

}  // namespace smt::cmd
