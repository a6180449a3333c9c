// smtrelay_health: asks a relay of this machine whether it is well.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <string>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/options.h"
#include "cmd/cli/output.h"
#include "cmd/cli/tool.h"
#include "cmd/text/text.h"
#include "relay/http/http_address.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr size_t kMaxAnswerBytes = 65536;

// False: the time is over.
bool wait_for(int fd, short events, int64_t deadline_ns) {
  const int64_t left_ns = deadline_ns - boottime_ns();
  pollfd one{fd, events, 0};
  return left_ns > 0 && poll(&one, 1, static_cast<int>((left_ns + 999'999) / 1'000'000)) > 0;
}

// Everything that is said there until the end. Empty: nothing in time, and `error` says why.
std::string fetch(const relay::HttpAddress& address, const std::string& path, int64_t deadline_ns,
                  std::string* error) {
  const Fd socket_fd(
      socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  const auto failed = [&](const std::string& why) { return *error = why, std::string(); };
  if (connect(socket_fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
    return failed(Status::from_errno("nobody answers", errno).message());
  if (!wait_for(socket_fd.get(), POLLOUT, deadline_ns)) return failed("nobody answers in time");
  int code = 0;
  socklen_t size = sizeof code;
  getsockopt(socket_fd.get(), SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return failed(Status::from_errno("nobody answers", code).message());
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (send(socket_fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return failed(Status::from_errno("nobody answers", errno).message());
  std::string answer;
  for (char room[4096]; answer.size() < kMaxAnswerBytes;) {
    if (!wait_for(socket_fd.get(), POLLIN, deadline_ns)) return failed("the relay has not answered in time");
    const ssize_t n = recv(socket_fd.get(), room, sizeof room, 0);
    if (n < 0 && errno == EAGAIN) continue;
    if (n <= 0) break;
    answer.append(room, static_cast<size_t>(n));
  }
  if (answer.empty()) return failed("the connection was closed without an answer");
  return answer;
}

int judge(const std::string& where, const std::string& answer) {
  const size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 ") || body == answer.npos)
    return fail(kExitFailure, where + ": what answers there is no relay");
  std::string says = answer.substr(body + 4);
  says = says.substr(0, says.find('\n'));
  if (answer.compare(9, 3, "200") != 0) return fail(kExitFailure, where + ": " + says);
  print_note(printable(where + ": " + says) + "\n");  // the result is the exit code
  return kExitOk;
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtrelay_health_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Ask a relay of this machine whether it is well", "smtrelay_health");
  std::string metrics, path = "/livez";
  bool ready = false;
  int64_t timeout_ns = 2'000'000'000;
  app.add_option("PATH", path, "/livez, or another page of the relay [/livez]");
  app.add_option("--metrics", metrics, "Where the relay serves its pages, as its own --metrics [SMT_METRICS]")
      ->type_name("ADDRESS")
      ->envname("SMT_METRICS");
  app.add_flag("--ready", ready,
               "Ask /readyz: is each peer there that it dials, and each topic fresh that it "
               "was told to watch");
  add_duration(app, "--timeout", &timeout_ns, "How long to wait for an answer [2s]");
  add_version_flag(app);
  app.footer(
      "Without --ready it asks whether the loop of the relay turns. That is what restarts may depend on: a "
      "relay\nthat has lost its peer is alive, and not ready.");
  return run_tool(app, argc, argv, ToolOptions(), [&] {
    if (metrics.empty())
      return fail(kExitUsage, "where is the relay? give --metrics ADDR:PORT, as its own, or SMT_METRICS");
    const auto address = smt::relay::HttpAddress::parse(metrics);
    if (!address.ok()) return fail(address.status());
    if (ready) path = "/readyz";
    if (!path.starts_with('/') || path.find_first_of(" \r\n") != path.npos)
      return fail(kExitUsage, "'" + path + "' is no page: it begins with /, as /livez");
    const smt::relay::HttpAddress to = address->to_dial();
    std::string error;
    const std::string answer = fetch(to, path, smt::boottime_ns() + timeout_ns, &error);
    const std::string where = "http://" + to.text() + path;
    return answer.empty() ? fail(kExitFailure, where + ": " + error) : judge(where, answer);
  });
}
