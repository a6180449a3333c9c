// TCP within this machine.
#ifndef SMT_TESTS_LOOPBACK_H_
#define SMT_TESTS_LOOPBACK_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "shm/fd.h"

namespace smt {

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A connection, or one on its way with SOCK_NONBLOCK among `flags`. None: nobody listens, or errno tells.
inline Fd dial(uint16_t port, int flags = 0) {
  Fd s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  const sockaddr_in to = loopback(port);
  if (connect(s.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    s.reset();
  return s;
}

// A socket that has a port of its own and does not listen yet. None: errno tells.
inline Fd bound(uint16_t* port, int flags = 0) {
  Fd s(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(s.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(s.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    s.reset();
  }
  *port = ntohs(address.sin_port);
  return s;
}

}  // namespace smt

#endif  // SMT_TESTS_LOOPBACK_H_
