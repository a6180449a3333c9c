#include "shm/identity.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <vector>

namespace smt {
namespace {

constexpr size_t kMaxGroup = 1 << 24;     // bytes of the names of its members
constexpr uint32_t kNobody = UINT32_MAX;  // no user has this number, and no group

// The users that /proc/self/uid_map lists.
struct UserMap {
  bool whole = true;  // all users are mapped, or none of it can be told
  bool own = true;    // that of this process is

  static UserMap read() {
    UserMap map;
    std::ifstream lines("/proc/self/uid_map");
    uint64_t first = 0, outside = 0, count = 0;
    if (!lines.is_open()) return map;
    map.whole = map.own = false;
    while (lines >> first >> outside >> count) {
      map.whole = map.whole || (first == 0 && count == kNobody);
      map.own = map.own || (geteuid() >= first && geteuid() - first < count);
    }
    return map;
  }
};

// Whom the kernel shows in place of users that are not mapped.
uid_t overflow_user() {
  uid_t user = 65534;
  std::ifstream("/proc/sys/kernel/overflowuid") >> user;
  return user;
}

}  // namespace

Result<gid_t> group_id(const std::string& group) {
  std::vector<char> room(1024);  // getgrnam() has one for all threads
  struct ::group entry, *named = nullptr;
  while (getgrnam_r(group.c_str(), &entry, room.data(), room.size(), &named) == ERANGE &&
         room.size() < kMaxGroup)
    room.resize(2 * room.size());
  if (named != nullptr) return named->gr_gid;
  gid_t number = 0;
  const char* const end = group.data() + group.size();
  const auto [stop, error] = std::from_chars(group.data(), end, number);
  if (error == std::errc() && stop == end && number != kNobody) return number;
  return Status(Code::kInvalid,
                "no such group '" + group + "': make it with groupadd, or give the number of one");
}

bool is_own_group(gid_t group) {
  if (getegid() == group) return true;
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  return count > 0 && std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

bool is_own_user(uid_t user) { return user == geteuid() && UserMap::read().own; }

std::string outside_user(uid_t user) {
  if (user != overflow_user() || UserMap::read().whole) return "";
  return "so a user namespace shows whoever is outside it; run both sides in one user namespace (Docker, "
         "Podman: --userns=host, Kubernetes: hostUsers: true)";
}

std::string cause_words(int error) {
  if (error == EROFS) return " (mount -o remount,rw; in a container mount it without :ro)";
  const UserMap map = UserMap::read();
  if (error == EOVERFLOW && !map.own)
    return " (this user namespace does not map user " + std::to_string(geteuid()) +
           ": unshare --map-root-user)";
  if (error == EINVAL && !map.whole)
    return " (this user namespace may not map that group: run both sides in one)";
  return "";
}

}  // namespace smt
