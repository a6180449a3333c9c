#include "storm/identity.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "shm/fd.h"
#include "storm/storm.h"

namespace smt::storm {

void become(const Identity& identity) {
  if (identity.uid == 0) return;
  const group* g = getgrnam(kGroup);
  if (g == nullptr) must(Status(Code::kNotFound, std::string("no group ") + kGroup));
  const gid_t groups[] = {g->gr_gid};
  if (setgroups(identity.in_group ? 1 : 0, groups) != 0 ||
      setresgid(identity.uid, identity.uid, identity.uid) != 0 ||
      setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    must(Status::from_errno("cannot become another user", errno));
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // the change of user has cleared it
}

std::string outcome_of(const Status& status) {
  if (status.ok()) return "ok";
  if (status.code() == Code::kDenied) return "denied: " + status.message();
  return fmt::format("code {}: {}", static_cast<int>(status.code()), status.message());
}

std::string outcome_of(bool success) {
  if (success) return "ok";
  return (errno == EACCES || errno == EPERM ? "denied: " : "errno: ") + std::string(strerror(errno));
}

std::string as(const Identity& identity, const std::function<std::string()>& function) {
  int ends[2];
  if (pipe(ends) != 0) must(Status::from_errno("pipe", errno));
  const pid_t pid = fork();
  if (pid == 0) {
    std::string text;
    try {
      become(identity);
      alarm(20);  // nothing that is refused may hang
      text = function();
    } catch (const std::exception& e) {
      text = std::string("exception: ") + e.what();
    }
    _exit(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  const Fd out(ends[0]);
  std::string text;
  char bytes[512];
  for (ssize_t n; (n = read(out.get(), bytes, sizeof bytes)) > 0;) text.append(bytes, static_cast<size_t>(n));
  waitpid(pid, nullptr, 0);
  return text.empty() ? "no answer" : text;
}

}  // namespace smt::storm
