// One connection of an HttpServer: reads requests one after the other, and answers each before it reads the
// next.
#ifndef SMT_RELAY_HTTP_HTTP_CONNECTION_H_
#define SMT_RELAY_HTTP_HTTP_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/http/http_message.h"
#include "shm/fd.h"

namespace smt::relay {

// Nothing: there is no answer yet, and it is to be asked again.
using HttpAnswer = std::function<std::optional<HttpResponse>(const HttpRequest& request)>;

class HttpConnection {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  enum class Waits { kForInput, kForAnswer, kForRoom, kForNothing };

  // `socket` does not block. What is passed in outlives the connection.
  HttpConnection(Fd socket, bool local, const HttpLimits& limits, const HttpAnswer& answer,
                 HttpCounters* counters, int64_t now_ns);
  ~HttpConnection();

  // Reads, asks and writes as far as that goes without blocking, a few requests at most. What it waits for
  // then: input, an answer, room for output, which there may be at once; kForNothing: it has ended.
  Waits step(int64_t now_ns);
  // It is due_ns(): refuses what has not come, or ends.
  Waits expire(int64_t now_ns);

  int fd() const { return socket_.get(); }
  int64_t due_ns() const { return due_ns_; }
  // Since when the client has neither finished a request nor taken an answer.
  int64_t quiet_since_ns() const { return quiet_since_ns_; }
  bool is_idle() const {
    return state_ == State::kReading && served_ && parser_ == nullptr && input_.empty();
  }

 private:
  // kDraining: the client is given time to read why it was refused, as what is still on its way here would
  // make the system take the answer back.
  enum class State { kReading, kAsking, kWriting, kDraining, kEnded };
  struct Parser;

  void read(int64_t now_ns);
  bool parse(int64_t now_ns);
  void take_request(int64_t now_ns);
  void ask(int64_t now_ns);
  void write(int64_t now_ns);
  void drain();
  void refuse(unsigned status, uint64_t HttpCounters::*reason, std::string_view why, int64_t now_ns);
  void respond(HttpResponse response, int64_t now_ns);
  void end(uint64_t HttpCounters::*reason);

  Fd socket_;
  const bool local_;
  const HttpLimits& limits_;
  const HttpAnswer& answer_;
  HttpCounters* const counters_;

  State state_ = State::kReading;
  bool blocked_ = false;  // the socket has nothing to read, or no room
  bool served_ = false;   // a request has been answered
  int64_t due_ns_, quiet_since_ns_;
  std::unique_ptr<Parser> parser_;  // of the request that is read; null: none has begun
  std::string input_;               // read and not parsed
  HttpRequest request_;
  bool keep_alive_ = false, head_only_ = false;
  std::string head_;                         // of the answer
  std::shared_ptr<const std::string> body_;  // null: none is sent
  size_t written_ = 0;                       // of both
};

}  // namespace smt::relay

#endif  // SMT_RELAY_HTTP_HTTP_CONNECTION_H_
