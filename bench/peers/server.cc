#include "bench/peers/server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "bench/measure.h"
#include "bench/relay/loopback.h"
#include "bench/report.h"
#include "shm/clock.h"
#include "shm/fd.h"

namespace smt::bench {
namespace {

bool listens(int port) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(port);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

// Adds what can be read within 10 ms to `text`.
void read_some(const Fd& out, std::string* text) {
  pollfd readable = {out.get(), POLLIN, 0};
  if (poll(&readable, 1, 10) <= 0) return;
  char piece[1024];
  const ssize_t n = read(out.get(), piece, sizeof piece);
  if (n > 0) text->append(piece, static_cast<size_t>(n));
}

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (const std::string program = folder + "/" + name; access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

void start_server(const std::vector<std::string>& command, const std::string& ready, int port,
                  const std::string& folder, Cast* cast) {
  const auto out = std::make_shared<Fd>();
  Process server = Process::execute(kAnyCore, command, log_of(folder), out.get());
  server.ask_before_kill();
  std::string said;
  const int64_t limit = boottime_ns() + 5 * kSecond;
  while (ready.empty() ? !listens(port) : said.find(ready) == std::string::npos) {
    read_some(*out, &said);
    if (server.ended() || boottime_ns() > limit)
      fail(Status(Code::kSystem, fmt::format("{} did not become ready: {}", command.front(), said)));
  }
  cast->between.push_back(std::move(server));
  cast->complete = [out] { return true; };  // a server must not find its stdout closed
}

}  // namespace smt::bench
