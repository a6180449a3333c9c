// A small HTTP/1.1 server, driven by the loop of its caller: it has one descriptor and no thread, and never
// blocks. A relay answers questions about itself by it.
#ifndef SMT_RELAY_HTTP_HTTP_SERVER_H_
#define SMT_RELAY_HTTP_HTTP_SERVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "relay/http/http_address.h"
#include "relay/http/http_connection.h"
#include "relay/http/http_message.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::relay {

// Any number of clients, honest or not, costs bounded memory and a bounded time in each step. Where all
// connections are taken, the one that has been quiet for the longest makes room: clients that hold
// connections do not keep others out. Over a loopback address only requests whose Host names this machine are
// served.
class HttpServer {
 public:
  // `answer` is called in step(), once a request until it answers: while it does not, in each step. As
  // listen_at().
  static Result<std::unique_ptr<HttpServer>> open(const HttpAddress& address, HttpAnswer answer,
                                                  const HttpLimits& limits = {});

  // Can be read when step() has something to do.
  int fd() const { return epoll_.get(); }
  // BOOTTIME at which step() is due even if nothing happens.
  int64_t next_due_ns() const { return next_due_ns_; }
  void step(int64_t now_ns);

  // Where it listens, with the port that was taken.
  std::string address() const { return HttpAddress::of_socket(listener_.get()).text(); }
  const HttpCounters& counters() const { return counters_; }

 private:
  HttpServer(Fd listener, Fd epoll, HttpAnswer answer, const HttpLimits& limits);
  void accept(int64_t now_ns);
  void make_room();
  void look_at_all(int64_t now_ns);
  bool watch(int operation, int fd, uint32_t events);
  void after(int fd, HttpConnection::Waits waits);

  struct Served {
    std::unique_ptr<HttpConnection> connection;
    uint32_t events = 0;
  };
  Fd listener_, epoll_;
  const HttpAnswer answer_;
  const HttpLimits limits_;
  HttpCounters counters_;
  std::map<int, Served> connections_;  // by descriptor
  int64_t accept_again_ns_ = 0;        // 0: the listener is watched
  int64_t next_due_ns_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_HTTP_HTTP_SERVER_H_
