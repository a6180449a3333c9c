#include "cmd/doctor/cures.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "cmd/text/text.h"

namespace smt::cmd {

std::string as_root(const std::string& command) { return geteuid() == 0 ? command : "sudo " + command; }

std::string as_owner(uid_t user, gid_t group, const std::string& command) {
  if (user == geteuid()) return command;
  if (geteuid() != 0) return "";
  return fmt::format("setpriv --reuid={} --regid={} --clear-groups {}", user, group, command);
}

std::string as_owner_or_root(uid_t user, const std::string& command) {
  return user == geteuid() || geteuid() == 0 ? command : "";
}

std::string move_aside(const std::string& path) {
  const size_t name = path.rfind('/') + 1;
  const std::string aside = path.substr(0, name) + "." + path.substr(name) + ".aside";
  std::string free = aside;
  for (int i = 2; access(free.c_str(), F_OK) == 0; ++i) free = fmt::format("{}{}", aside, i);
  return fmt::format("mv -T {} {}", shell_word(path), shell_word(free));
}

std::string user_text(uid_t user) {
  const passwd* known = getpwuid(user);
  return known == nullptr ? fmt::format("{}", user) : fmt::format("{} ({})", user, known->pw_name);
}

}  // namespace smt::cmd
