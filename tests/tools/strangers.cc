#include "tests/tools/strangers.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <zmq.hpp>

#include "proto/codec.h"
#include "tests/loopback.h"

namespace smt::tools {
namespace {

bool is_readable(int fd, int timeout_ms) {
  pollfd ready = {fd, POLLIN, 0};
  return poll(&ready, 1, timeout_ms) > 0;
}

std::string bind_any(zmq::socket_t* socket) {
  socket->set(zmq::sockopt::linger, 0);
  socket->bind("tcp://127.0.0.1:*");
  return socket->get(zmq::sockopt::last_endpoint);
}

}  // namespace

Strangers::Strangers() : stop_(eventfd(0, EFD_CLOEXEC)) {
  web_ = bound(&web_port_);
  closing_ = bound(&closing_port_);
  silent_ = bound(&silent_port_);
  full_ = bound(&full_port_);
  closed_ = bound(&closed_port_);
  for (const Fd* fd : {&web_, &closing_, &silent_}) listen(fd->get(), 1024);
  listen(full_.get(), 0);
  for (int i = 0; i < 4; ++i) filling_.push_back(dial(full_port_, SOCK_NONBLOCK));
  tcp_ = std::thread([this] { serve_tcp(); });
  std::promise<void> bound_both;
  std::future<void> ready = bound_both.get_future();
  zmq_ = std::thread([this, &bound_both] {
    zmq::context_t context;
    zmq::socket_t other(context, zmq::socket_type::pull), relay(context, zmq::socket_type::router);
    other_zmq_ = bind_any(&other);
    version_ = bind_any(&relay);
    bound_both.set_value();
    proto::Hello hello;
    hello.set_least_version(7);
    hello.set_version(9);
    hello.set_instance(1);
    hello.set_name("newer");
    relay.set(zmq::sockopt::rcvtimeo, 20);
    while (!is_readable(stop_.get(), 0)) {
      zmq::message_t peer, heard;
      if (!relay.recv(peer) || !relay.recv(heard)) continue;
      proto::Envelope m;
      const std::span<const std::byte> header(heard.data<std::byte>(), heard.size());
      if (proto::open_message(header, {}, &m) != proto::Opened::kOk || !m.has_hello()) continue;
      relay.send(peer, zmq::send_flags::sndmore);
      relay.send(zmq::buffer(proto::seal_message(m.session(), 0, hello)), zmq::send_flags::none);
    }
  });
  ready.wait();
}

Strangers::~Strangers() {
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  tcp_.join();
  zmq_.join();
}

void Strangers::serve_tcp() {
  const std::string reply = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  std::vector<Fd> callers;
  for (;;) {
    std::vector<pollfd> fds = {
        {stop_.get(), POLLIN, 0}, {web_.get(), POLLIN, 0}, {closing_.get(), POLLIN, 0}};
    for (const Fd& caller : callers) fds.push_back({caller.get(), POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return;
    for (size_t i = 3; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      char bytes[256];
      const ssize_t n = recv(fds[i].fd, bytes, sizeof bytes, 0);
      const std::string_view heard(bytes, static_cast<size_t>(n > 0 ? n : 0));
      if (heard.find('\n') != heard.npos) (void)send(fds[i].fd, reply.data(), reply.size(), MSG_NOSIGNAL);
      if (n <= 0 || heard.find('\n') != heard.npos) callers[i - 3].reset();
    }
    std::erase_if(callers, [](const Fd& caller) { return !caller.ok(); });
    if (fds[1].revents != 0) callers.emplace_back(accept(web_.get(), nullptr, nullptr));
    if (fds[2].revents != 0) Fd(accept(closing_.get(), nullptr, nullptr)).reset();
  }
}

}  // namespace smt::tools
