// Addresses of the loopback, for those who use plain sockets.
#ifndef SMT_BENCH_RELAY_LOOPBACK_H_
#define SMT_BENCH_RELAY_LOOPBACK_H_

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace smt::bench {

// 0: a port that is free.
inline sockaddr_in loopback(int port) {
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

// A port that nothing listens at now.
int free_port();

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_LOOPBACK_H_
