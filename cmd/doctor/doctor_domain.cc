// Of the doctor: the folder of the domain, its space, and who is in it.
#include <fmt/format.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "cmd/doctor/doctor.h"
#include "cmd/monitor/census.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;

constexpr uint64_t kLittleSpaceBytes = 64 << 20;

// Whether this process may open files for the group.
bool in_group(gid_t group) {
  if (geteuid() == 0 || getegid() == group) return true;
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  const int n = getgroups(static_cast<int>(groups.size()), groups.data());
  return n > 0 && std::find(groups.begin(), groups.begin() + n, group) != groups.begin() + n;
}

// False: there is no folder to look into.
bool check_rights(const DoctorOptions& options, const std::string& path, std::vector<Finding>* findings) {
  const auto say = [&](Kind kind, std::string text, std::string cure = "") {
    findings->push_back({kind, "rights", std::move(text), std::move(cure)});
  };
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) {
    say(Kind::kNote, fmt::format("{}: {}; the first program that publishes makes it", path, strerror(errno)));
    return false;
  }
  if (!S_ISDIR(st.st_mode)) {
    say(Kind::kProblem, path + " is no folder (a symbolic link, or a file)", "rm " + shell_word(path));
    return false;
  }
  const mode_t mode = st.st_mode & 07777;
  const std::string group = options.domain.group;
  const mode_t wanted = group.empty() ? 0700 : 03770;
  const struct group* named = group.empty() ? nullptr : getgrnam(group.c_str());
  if (!group.empty() && named == nullptr) {
    say(Kind::kProblem, fmt::format("there is no group {}", group), "groupadd " + shell_word(group));
    return false;
  }
  if (st.st_uid != geteuid() && group.empty()) {
    say(Kind::kProblem, fmt::format("{} belongs to user {}, this is user {}", path, st.st_uid, geteuid()),
        fmt::format("sudo chown -R {} {}", geteuid(), shell_word(path)));
    return false;
  }
  if (named != nullptr && st.st_gid != named->gr_gid) {
    say(Kind::kProblem, fmt::format("{} is not of group {}", path, group),
        fmt::format("chgrp {} {} && chmod 3770 {}", shell_word(group), shell_word(path), shell_word(path)));
  } else if (mode != wanted) {
    say(Kind::kProblem,
        fmt::format("{} has rights {:04o}; {} needs {:04o}, and programs refuse any other", path, mode,
                    group.empty() ? "a domain of one user" : "a domain of group " + group, wanted),
        fmt::format("chmod {:o} {}", wanted, shell_word(path)));
  } else {
    say(Kind::kFine, fmt::format("{} has rights {:04o}", path, mode));
  }
  if (named != nullptr && !in_group(named->gr_gid)) {
    say(Kind::kProblem, fmt::format("this user is not in group {}", group),
        fmt::format("sudo usermod -aG {} $(id -un)   # and log in anew", shell_word(group)));
  }
  return true;
}

void check_space(const std::string& path, std::vector<Finding>* findings) {
  struct statfs fs;
  if (statfs(path.c_str(), &fs) != 0) return;
  if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC) {
    findings->push_back({Kind::kProblem, "memory",
                         path + " is on a disk: topics are written back to it all the time",
                         "export SMT_ROOT=/dev/shm/smt"});
  } else {
    findings->push_back({Kind::kFine, "memory", path + " is in memory (tmpfs)", ""});
  }
  const uint64_t total = uint64_t{fs.f_blocks} * static_cast<uint64_t>(fs.f_bsize);
  const uint64_t free = uint64_t{fs.f_bavail} * static_cast<uint64_t>(fs.f_bsize);
  const std::string figures = fmt::format("{} of {} are free", bytes_text(free), bytes_text(total));
  if (total != 0 && (free < kLittleSpaceBytes || free < total / 10)) {
    findings->push_back({Kind::kProblem, "space", fmt::format("{}: {}", path, figures),
                         fmt::format("mount -o remount,size={}M \"$(findmnt -n -o TARGET -T {})\"",
                                     std::max<uint64_t>(512, (total >> 20) * 2), shell_word(path))});
  } else {
    findings->push_back({Kind::kFine, "space", figures, ""});
  }
}

void check_nodes(const DoctorOptions& options, const Domain& domain, std::vector<Finding>* findings) {
  const std::string flags =
      fmt::format("--root {} --domain {}", shell_word(options.domain.root),
                  shell_word(options.domain.domain)) +
      (options.domain.group.empty() ? "" : " --group " + shell_word(options.domain.group));
  Census census(domain);
  if (Result<std::vector<Census::Change>> looked = census.look(); !looked.ok()) {
    findings->push_back({Kind::kNote, "nodes", looked.status().message(), ""});
    return;
  }
  size_t live = 0;
  std::vector<std::string> dead, mute;
  for (const auto& [node, member] : census.members()) {
    const SegmentView& segment = *member.segment;
    if (!segment.same_boot() || (!member.live && !segment.closed())) dead.push_back(node);
    live += member.live;
    if (member.live && segment.same_boot() && !segment.same_time()) {
      findings->push_back(
          {Kind::kProblem, "time",
           fmt::format("node {} counts its time in another time namespace: no age can be told", node),
           fmt::format("lsns -t time   # run pid {} and its readers in one of them", segment.pid())});
    }
    if (member.live && segment.mirror() && segment.alive_until() < boottime_ns()) mute.push_back(node);
  }
  findings->push_back({Kind::kFine, "nodes", fmt::format("{} live", live), ""});
  if (!dead.empty()) {
    findings->push_back({Kind::kProblem, "orphans",
                         fmt::format("left by who died: {}", fmt::join(dead, ", ")),
                         fmt::format("smtcore --once --remove-after 0 {}", flags)});
  }
  for (const std::string& node : mute) {
    findings->push_back(
        {Kind::kProblem, "relay",
         fmt::format("the relay of node {} lives and does not move: stopped, or it hangs", node),
         fmt::format("kill -CONT {}", census.members().at(node).segment->pid())});
  }
  for (const std::string& problem : census.problems()) {
    const std::string file = domain.path() + "/" + problem.substr(0, problem.find(':'));
    findings->push_back({Kind::kProblem, "segment", problem, "rm " + shell_word(file)});
  }
  for (const auto& [topic, nodes] : census.conflicts()) {
    findings->push_back({Kind::kProblem, "conflict",
                         fmt::format("{} is published by {}", topic, fmt::join(nodes, " and ")),
                         fmt::format("kill {}   # {}, or give it another topic",
                                     census.members().at(nodes.back()).segment->pid(), nodes.back())});
  }
}

}  // namespace

std::vector<Finding> check_domain(const DoctorOptions& options) {
  std::vector<Finding> findings;
  const std::string path = options.domain.root + "/" + options.domain.domain;
  const bool there = check_rights(options, path, &findings);
  std::string existing = path;
  while (access(existing.c_str(), F_OK) != 0 && existing.size() > 1) {
    existing.resize(std::max<size_t>(1, existing.find_last_of('/')));
  }
  check_space(existing, &findings);
  if (!there) return findings;
  DomainOptions open = options.domain;
  open.create = false;
  Result<Domain> domain = Domain::open(open);
  if (domain.ok()) {
    check_nodes(options, *domain, &findings);
  } else if (std::none_of(findings.begin(), findings.end(),
                          [](const Finding& f) { return f.kind == Kind::kProblem; })) {
    findings.push_back({Kind::kProblem, "domain", domain.status().message(), "ls -la " + shell_word(path)});
  }
  return findings;
}

}  // namespace smt::cmd
