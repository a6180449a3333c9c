// What a client asks of this process over HTTP, and what it is answered.
#ifndef SMT_RELAY_HTTP_HTTP_MESSAGE_H_
#define SMT_RELAY_HTTP_HTTP_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <string>

namespace smt::relay {

// A GET or a HEAD; the server itself answers everything else.
struct HttpRequest {
  std::string path;     // begins with '/'; without the query
  bool local = false;   // the connection is one within this machine, over a loopback address
  int64_t came_ns = 0;  // BOOTTIME of the step in which it was whole
};

struct HttpResponse {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;  // never null; of a HEAD only its size is sent

  static HttpResponse text(unsigned status, std::string body) {
    return {status, "text/plain; charset=utf-8", std::make_shared<const std::string>(std::move(body))};
  }
};

// Nothing that a client does goes uncounted.
struct HttpCounters {
  uint64_t connections = 0;  // taken
  uint64_t open = 0;         // of them, now
  uint64_t requests = 0;     // answered, those that are refused too
  // Refused, with an answer:
  uint64_t refused_malformed = 0;     // no HTTP, or a method other than GET and HEAD
  uint64_t refused_too_large = 0;     // the header is too long, or there is a body
  uint64_t refused_foreign_host = 0;  // see is_own_host()
  uint64_t refused_slow = 0;          // the request was not whole in time
  uint64_t refused_unready = 0;       // what was asked for was not there in time
  // Closed without one:
  uint64_t dropped_full = 0;  // the connection that had been quiet for the longest made room for a new one
  uint64_t dropped_idle = 0;  // no further request came
  uint64_t dropped_slow_reader = 0;  // the answer was not taken in time
  uint64_t dropped_broken = 0;       // the connection failed in the midst of a request or an answer
  uint64_t not_accepted = 0;         // the system had no descriptor or no memory for the connection
};

struct HttpLimits {
  size_t max_connections = 128;
  size_t max_header_bytes = 8192;
  int64_t request_ns = 5'000'000'000;  // from the first byte, or from the connection, to the whole request
  int64_t answer_ns = 5'000'000'000;   // from there until there is an answer
  int64_t write_ns = 10'000'000'000;   // from there until all of it is taken
  int64_t idle_ns = 30'000'000'000;    // between two requests
  int64_t drain_ns = 500'000'000;      // for a client to read why it was refused
};

}  // namespace smt::relay

#endif  // SMT_RELAY_HTTP_HTTP_MESSAGE_H_
