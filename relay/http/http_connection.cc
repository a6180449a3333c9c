// Boost.Beast parses; the sockets are this room's own. So there is no io_context, no thread and no timer. The
// room that speaks WebSocket takes over what this one has: the socket and the bytes read from it.
#include "relay/http/http_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cerrno>
#include <utility>

#include "relay/http/http_address.h"

namespace smt::relay {
namespace {

namespace http = boost::beast::http;

constexpr size_t kReadBytes = 4096;
// A client that sends many requests at once takes its turn like others.
constexpr int kRequestsAtOnce = 8;

}  // namespace

struct HttpConnection::Parser {
  http::request_parser<http::empty_body> beast;
};

HttpConnection::HttpConnection(Fd socket, bool local, const HttpLimits& limits, const HttpAnswer& answer,
                               HttpCounters* counters, int64_t now_ns)
    : socket_(std::move(socket)),
      local_(local),
      limits_(limits),
      answer_(answer),
      counters_(counters),
      due_ns_(now_ns + limits.request_ns),
      quiet_since_ns_(now_ns) {
  ++counters_->connections;
  ++counters_->open;
}

HttpConnection::~HttpConnection() { --counters_->open; }

HttpConnection::Waits HttpConnection::step(int64_t now_ns) {
  blocked_ = false;
  for (int requests = 0; !blocked_ && state_ != State::kEnded;) {
    if (state_ == State::kReading) {
      if (!parse(now_ns)) read(now_ns);
    } else if (state_ == State::kAsking) {
      ask(now_ns);
      if (state_ == State::kAsking) return Waits::kForAnswer;
    } else if (state_ == State::kWriting) {
      write(now_ns);
      if (state_ == State::kReading && ++requests == kRequestsAtOnce) break;
    } else {
      drain();
    }
  }
  if (state_ == State::kEnded) return Waits::kForNothing;
  // What has been read already makes no socket readable.
  const bool more = state_ == State::kReading && !blocked_ && !input_.empty();
  return state_ == State::kWriting || more ? Waits::kForRoom : Waits::kForInput;
}

HttpConnection::Waits HttpConnection::expire(int64_t now_ns) {
  if (state_ == State::kAsking) {
    refuse(503, &HttpCounters::refused_unready, "the relay has not answered in time", now_ns);
  } else if (state_ == State::kReading && is_idle()) {
    end(&HttpCounters::dropped_idle);
  } else if (state_ == State::kReading) {
    refuse(408, &HttpCounters::refused_slow, "the request was not whole in time", now_ns);
  } else {
    end(state_ == State::kDraining ? nullptr : &HttpCounters::dropped_slow_reader);
  }
  return step(now_ns);
}

void HttpConnection::read(int64_t now_ns) {
  char room[kReadBytes];
  const ssize_t n = recv(socket_.get(), room, sizeof room, 0);
  if (n > 0) {
    if (is_idle()) due_ns_ = now_ns + limits_.request_ns;
    input_.append(room, static_cast<size_t>(n));
  } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    blocked_ = true;
  } else {
    const bool between = input_.empty() && parser_ == nullptr;
    end(n == 0 && between ? nullptr : &HttpCounters::dropped_broken);
  }
}

// False: more is to be read first.
bool HttpConnection::parse(int64_t now_ns) {
  if (input_.empty()) return false;
  if (parser_ == nullptr) {
    parser_ = std::make_unique<Parser>();
    parser_->beast.header_limit(static_cast<uint32_t>(limits_.max_header_bytes));
  }
  boost::beast::error_code error;
  input_.erase(0, parser_->beast.put(boost::asio::buffer(input_), error));
  // A parser that wants more keeps what it has not understood in the hands of its caller.
  if (error == http::error::need_more && input_.size() <= limits_.max_header_bytes) return false;
  if (error == http::error::need_more || error == http::error::header_limit) {
    refuse(431, &HttpCounters::refused_too_large, "the header of the request is too long", now_ns);
  } else if (error == http::error::unexpected_body || error == http::error::body_limit) {
    refuse(413, &HttpCounters::refused_too_large, "a request has no body here", now_ns);
  } else if (error) {
    refuse(400, &HttpCounters::refused_malformed, "this is no request of HTTP", now_ns);
  } else if (parser_->beast.is_header_done()) {
    take_request(now_ns);
  }
  return true;
}

void HttpConnection::take_request(int64_t now_ns) {
  const auto& message = parser_->beast.get();
  const boost::optional<uint64_t> body = parser_->beast.content_length();
  if (parser_->beast.chunked() || (body && *body != 0))
    return refuse(413, &HttpCounters::refused_too_large, "a request has no body here", now_ns);
  if (message.method() != http::verb::get && message.method() != http::verb::head)
    return refuse(405, &HttpCounters::refused_malformed, "only GET and HEAD are answered here", now_ns);
  const std::string_view target(message.target().data(), message.target().size());
  if (!target.starts_with('/'))
    return refuse(400, &HttpCounters::refused_malformed, "the target of a request begins with /", now_ns);
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11))
    return refuse(400, &HttpCounters::refused_malformed, "a request of HTTP/1.1 has one Host", now_ns);
  const auto host = message[http::field::host];
  if (local_ && hosts == 1 && !is_own_host(std::string_view(host.data(), host.size())))
    return refuse(421, &HttpCounters::refused_foreign_host,
                  "this relay is not the host that the request names; ask for localhost or 127.0.0.1",
                  now_ns);
  request_ = {std::string(target.substr(0, target.find('?'))), local_, now_ns};
  keep_alive_ = message.keep_alive();
  head_only_ = message.method() == http::verb::head;
  parser_.reset();
  state_ = State::kAsking;
  quiet_since_ns_ = now_ns;
  due_ns_ = now_ns + limits_.answer_ns;
}

void HttpConnection::ask(int64_t now_ns) {
  if (std::optional<HttpResponse> response = answer_(request_)) respond(std::move(*response), now_ns);
}

void HttpConnection::refuse(unsigned status, uint64_t HttpCounters::*reason, std::string_view why,
                            int64_t now_ns) {
  ++(counters_->*reason);
  keep_alive_ = false;
  parser_.reset();
  input_.clear();
  respond(HttpResponse::text(status, std::string(why) + "\n"), now_ns);
}

void HttpConnection::respond(HttpResponse response, int64_t now_ns) {
  ++counters_->requests;
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  head_ = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason.data(), reason.size()) +
          "\r\nContent-Type: " + response.type +
          "\r\nContent-Length: " + std::to_string(response.body->size()) +
          "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" +
          (response.status == 405 ? "Allow: GET, HEAD\r\n" : "") +
          "Connection: " + (keep_alive_ ? "keep-alive" : "close") + "\r\n\r\n";
  body_ = head_only_ ? nullptr : std::move(response.body);
  head_only_ = false;
  written_ = 0;
  state_ = State::kWriting;
  due_ns_ = now_ns + limits_.write_ns;
}

void HttpConnection::write(int64_t now_ns) {
  const size_t head_left = head_.size() - std::min(head_.size(), written_);
  const size_t body_at = written_ - (head_.size() - head_left);
  iovec parts[2] = {{head_.data() + head_.size() - head_left, head_left}, {nullptr, 0}};
  if (body_ != nullptr) parts[1] = {const_cast<char*>(body_->data()) + body_at, body_->size() - body_at};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t n = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (n < 0) {
    blocked_ = errno == EAGAIN || errno == EINTR;
    if (!blocked_) end(&HttpCounters::dropped_broken);
    return;
  }
  written_ += static_cast<size_t>(n);
  if (written_ < head_.size() + (body_ == nullptr ? 0 : body_->size())) return;
  body_ = nullptr;
  served_ = true;
  quiet_since_ns_ = now_ns;
  if (keep_alive_) {
    state_ = State::kReading;
    due_ns_ = now_ns + (input_.empty() ? limits_.idle_ns : limits_.request_ns);
  } else if (shutdown(socket_.get(), SHUT_WR) != 0) {
    end(nullptr);
  } else {
    state_ = State::kDraining;
    due_ns_ = now_ns + limits_.drain_ns;
  }
}

// One piece at a time, so that nobody is kept busy by it.
void HttpConnection::drain() {
  char room[kReadBytes];
  const ssize_t n = recv(socket_.get(), room, sizeof room, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    blocked_ = true;
  } else if (n <= 0) {
    end(nullptr);
  } else {
    blocked_ = true;  // the next piece makes the socket readable
  }
}

void HttpConnection::end(uint64_t HttpCounters::*reason) {
  if (reason != nullptr) ++(counters_->*reason);
  state_ = State::kEnded;
  due_ns_ = kNever;
}

}  // namespace smt::relay
