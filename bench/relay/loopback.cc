#include "bench/relay/loopback.h"

#include <sys/socket.h>

#include <cerrno>

#include "bench/report.h"
#include "shm/fd.h"

namespace smt::bench {

int free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail(Status::from_errno("no free port", errno));
  return ntohs(at.sin_port);
}

}  // namespace smt::bench
