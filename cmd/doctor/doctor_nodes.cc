#include "cmd/doctor/doctor_nodes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "cmd/doctor/cures.h"
#include "cmd/monitor/census.h"
#include "cmd/text/commands.h"
#include "cmd/text/text.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/place.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;

// What dead nodes of one owner left.
struct Remains {
  std::vector<std::string> texts;
  std::vector<std::string> nodes;  // that did not ask to be kept
  uint64_t bytes = 0;
  gid_t group = 0;  // of the files
};
using RemainsByOwner = std::map<uid_t, Remains>;

std::string joined(const std::vector<std::string>& texts) {
  constexpr size_t kMaxShown = 8;
  const size_t shown = std::min(texts.size(), kMaxShown);
  std::string out =
      fmt::format("{}", fmt::join(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < texts.size()) out += fmt::format(" and {} more", texts.size() - shown);
  return out;
}

class NodesCheck {
 public:
  NodesCheck(const DoctorOptions& options, const Domain& domain, std::vector<Finding>* findings)
      : options_(options), domain_(domain), findings_(findings), census_(domain) {}

  void look() {
    if (Result<std::vector<Census::Change>> looked = census_.look(); !looked.ok())
      return add(Kind::kNote, "nodes", looked.status().message(), "");
    const auto live = std::count_if(census_.members().begin(), census_.members().end(),
                                    [](const auto& of) { return of.second.live; });
    add(Kind::kFine, "nodes", fmt::format("{} live", live), "");
    for (const auto& [node, member] : census_.members()) {
      if (member.live) look_at_live(node, member);
    }
    look_at_dead();
    for (const std::string& problem : census_.problems()) look_at_unreadable(problem);
    for (const auto& [topic, nodes] : census_.conflicts()) {
      add(Kind::kProblem, "conflict",
          fmt::format("{} is published by {}; readers take whichever sample is the later", topic,
                      fmt::join(nodes, " and ")),
          fmt::format("smttopic info {} {}   # who they are: one of them should publish another topic",
                      domain_flags(options_.domain), shell_word(topic)));
    }
  }

 private:
  void add(Kind kind, std::string check, std::string text, std::string cure) {
    findings_->push_back({kind, std::move(check), std::move(text), std::move(cure)});
  }
  std::string path_of(const std::string& node) const { return domain_.path() + "/" + node; }
  void look_at_live(const std::string& node, const Member& member);
  void look_at_dead();
  void report_remains(Kind kind, const char* check, const char* text, const RemainsByOwner& remains);
  void look_at_unreadable(const std::string& problem);
  void add_file_problem(const std::string& problem, const struct stat& st, const std::string& cure) {
    const std::string allowed = as_owner_or_root(st.st_uid, cure);
    const std::string whose =
        allowed.empty() ? fmt::format("; the file is user {}'s", user_text(st.st_uid)) : "";
    add(Kind::kProblem, "segment", problem + whose, allowed);
  }
  void look_at_file(const std::string& problem, const std::string& path, const struct stat& st);

  const DoctorOptions& options_;
  const Domain& domain_;
  std::vector<Finding>* findings_;
  Census census_;
};

// The process has the file mapped for writing, which of a segment only its owner has. (The pid that the owner
// wrote may be another process' in this PID namespace.)
bool is_owner(uint64_t pid, const struct stat& segment) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  std::string range, rights, offset, device, path;
  for (ino_t inode = 0; maps >> range >> rights >> offset >> device >> inode && std::getline(maps, path);) {
    if (rights == "rw-s" && inode == segment.st_ino) return true;
  }
  return false;
}

// By a signal, or by a debugger.
bool is_stopped(uint64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t state = line.rfind(')') + 2;  // a program may have a ')' in its name
  return state < line.size() && (line[state] == 'T' || line[state] == 't');
}

void NodesCheck::look_at_live(const std::string& node, const Member& member) {
  const SegmentView& segment = *member.segment;
  if (access((path_of(node) + ".bell").c_str(), F_OK) != 0 && errno == ENOENT) {
    add(Kind::kProblem, "lost",
        fmt::format(
            "node {} (pid {}) lives, and its bell was removed from {}: it wakes no reader; start it again",
            node, segment.pid(), domain_.path()),
        "");
  }
  if (!segment.same_time() && time_namespace() == 0) {
    return add(Kind::kNote, "time",
               fmt::format("node {}: no age can be told, as /proc shows no time namespace here", node), "");
  }
  if (!segment.same_time()) {
    return add(Kind::kProblem, "time",
               fmt::format("node {} counts its time in another time namespace: no age can be told", node),
               fmt::format("lsns -t time   # run pid {} and its readers in one of them", segment.pid()));
  }
  const int64_t alive_until = segment.alive_until();  // 0: it begins
  if (!segment.mirror() || alive_until == 0 || alive_until >= boottime_ns()) return;
  struct stat st;
  const bool known = stat(path_of(node).c_str(), &st) == 0 && is_owner(segment.pid(), st);
  if (known && is_stopped(segment.pid())) {
    const std::string cure = fmt::format("kill -CONT {}", segment.pid());
    add(Kind::kProblem, "relay", fmt::format("the relay of node {} is stopped", node),
        as_owner_or_root(st.st_uid, cure).empty() ? as_root(cure) : cure);
  } else {
    add(Kind::kProblem, "relay",
        fmt::format("the relay of node {}, pid {}{}, lives and does not move: it is stopped, or it hangs",
                    node, segment.pid(), known ? "" : " in its PID namespace"),
        "");
  }
}

// Whether somebody lives is asked of the lock alone.
void NodesCheck::look_at_dead() {
  std::set<std::string> published;  // by those who live
  for (const auto& [node, member] : census_.members()) {
    for (uint32_t i = 0; member.live && i < member.names.size(); ++i) {
      const std::optional<TopicView> topic = member.segment->topic(i);
      if (topic && member.segment->is_current(*topic)) published.insert(topic->name);
    }
  }
  RemainsByOwner died, replaced, ended;
  for (const auto& [node, member] : census_.members()) {
    struct stat st;
    if (member.live || stat(path_of(node).c_str(), &st) != 0) continue;
    const SegmentView& segment = *member.segment;
    // A mirror has copies alone, and newer ones are there.
    const bool again =
        segment.mirror() && std::all_of(member.topics.begin(), member.topics.end(),
                                        [&](const std::string& topic) { return published.contains(topic); });
    RemainsByOwner& of = segment.keep() ? ended : !segment.closed() ? died : again ? replaced : ended;
    Remains& remains = of[st.st_uid];
    if (!segment.keep()) remains.nodes.push_back(node);
    remains.texts.push_back(fmt::format("{} ({}{})", node, bytes_text(segment.reserved_bytes()),
                                        segment.keep() ? ", which asked to be kept" : ""));
    remains.bytes += segment.reserved_bytes();
    remains.group = st.st_gid;
  }
  report_remains(Kind::kProblem, "orphans", "left by who died", died);
  report_remains(Kind::kProblem, "leftovers", "mirrors without a relay, whose topics others publish now",
                 replaced);
  report_remains(Kind::kNote, "ended", "nodes that ended keep their last values", ended);
}

// A note has its command in the text, as there is nothing to cure.
void NodesCheck::report_remains(Kind kind, const char* check, const char* text,
                                const RemainsByOwner& remains) {
  for (const auto& [owner, r] : remains) {
    const std::string command = removal_command(options_.domain, r.nodes);
    const std::string cure = as_owner(owner, r.group, command);
    std::string told = fmt::format("{}: {}; {} in all", text, joined(r.texts), bytes_text(r.bytes));
    if (kind == Kind::kProblem && !cure.empty()) {
      add(kind, check, told, cure);
      continue;
    }
    if (r.nodes.empty()) {
      told += "; `smttopic rm TOPIC` removes a topic";
    } else {
      told += cure.empty() ? fmt::format("; user {} frees it by `{}`", user_text(owner), command)
                           : fmt::format("; `{}` frees it", cure);
    }
    add(Kind::kNote, check, told, "");
  }
}

void NodesCheck::look_at_unreadable(const std::string& problem) {
  const std::string path = path_of(problem.substr(0, problem.find(':')));
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return;  // gone meanwhile
  if (S_ISREG(st.st_mode)) return look_at_file(problem, path, st);
  const std::string cure = S_ISLNK(st.st_mode) ? "rm " + shell_word(path) : move_aside(path);
  add_file_problem(problem, st, cure);
}

// No file is removed or renamed that a program has, whatever is wrong with it.
void NodesCheck::look_at_file(const std::string& problem, const std::string& path, const struct stat& st) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.ok()) {
    return add(
        Kind::kProblem, "segment",
        fmt::format("{}; whether a program has it, only user {} can tell", problem, user_text(st.st_uid)),
        "");
  }
  uint64_t magic = 0;
  const bool is_segment = pread(fd.get(), &magic, sizeof magic, 0) == sizeof magic && magic == layout::kMagic;
  if (is_segment && (st.st_mode & 022) != 0)
    return add_file_problem(problem, st, "chmod go-w " + shell_word(path));
  if (has_owner(fd.get())) {
    return add(Kind::kProblem, "segment",
               problem + "; a program that runs has it: end that first, or use programs of one release", "");
  }
  add_file_problem(problem, st, is_segment || st.st_nlink > 1 ? "rm " + shell_word(path) : move_aside(path));
}

}  // namespace

void check_nodes(const DoctorOptions& options, const Domain& domain, std::vector<Finding>* findings) {
  NodesCheck(options, domain, findings).look();
}

}  // namespace smt::cmd
