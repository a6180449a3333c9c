// Where an HTTP server listens: "ADDR:PORT".
#ifndef SMT_RELAY_HTTP_HTTP_ADDRESS_H_
#define SMT_RELAY_HTTP_HTTP_ADDRESS_H_

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "shm/fd.h"
#include "shm/status.h"

namespace smt::relay {

struct HttpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  // ADDR is a number (an IPv6 address in brackets), `localhost`, or `*` for all addresses; PORT is 1 to 65535
  // or `*` for a free one. kInvalid with what is wrong.
  static Result<HttpAddress> parse(const std::string& text);
  // Of either end of a connection.
  static HttpAddress of_socket(int fd);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // Of 127.0.0.0/8 or ::1: nobody on another machine reaches it.
  bool is_loopback() const;
  // Where a client on this machine finds a server that listens here: all addresses are the loopback one.
  HttpAddress to_dial() const;
  std::string text() const;
};

// A descriptor that takes connections and does not block. kInUse, kDenied or else, with the address.
Result<Fd> listen_at(const HttpAddress& address);

// What the Host of a request may name where the connection is one within this machine: localhost or a
// loopback address, whatever the port. A page of another origin that a browser here has open names itself.
bool is_own_host(std::string_view host);

}  // namespace smt::relay

#endif  // SMT_RELAY_HTTP_HTTP_ADDRESS_H_
