#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/relay/baseline.h"
#include "bench/relay/records.h"
#include "bench/report.h"
#include "shm/fd.h"

namespace smt::bench {
namespace {

void sys_check(bool ok, const char* what) {
  if (!ok) [[unlikely]]
    fail(Status::from_errno(what, errno));
}

sockaddr_in loopback(int port) {
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

void no_delay(const Fd& fd) {
  const int on = 1;
  sys_check(setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

std::vector<Fd> accept_all(int subscribers, Control* control) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  sys_check(bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size) == 0, "bind");
  sys_check(listen(listener.get(), kMaxSubscribers) == 0, "listen");
  sys_check(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  control->port.store(ntohs(at.sin_port));
  std::vector<Fd> peers;
  for (int i = 0; i < subscribers; ++i) {
    peers.emplace_back(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    sys_check(peers.back().ok(), "accept");
    no_delay(peers.back());
  }
  return peers;
}

// Blocks while the receiver is behind: what changes meanwhile is sampled afterwards, so nothing old is sent.
[[noreturn]] void send_values(const Load& load, Control* control, const Memory& near) {
  const std::vector<Fd> peers = accept_all(load.subscribers, control);
  std::vector<char> out;
  for (Changes changes(near);;) {
    const uint32_t word = near.word();
    if (const size_t records = changes.find(); records != 0) {
      out.resize(records * changes.record_bytes());
      changes.pack(out.data());
      for (const Fd& peer : peers) {
        for (size_t done = 0; done < out.size();) {
          const ssize_t n = send(peer.get(), out.data() + done, out.size() - done, MSG_NOSIGNAL);
          if (n <= 0) _exit(1);  // the other side has ended
          done += static_cast<size_t>(n);
        }
      }
    }
    near.wait(word);
  }
}

[[noreturn]] void receive_values(const Control& control, Memory* far) {
  const Fd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(wait_for_port(control));
  sys_check(connect(peer.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
  no_delay(peer);
  std::vector<char> in(std::max<size_t>(256 << 10, 8 + far->bytes()));
  for (size_t held = 0;;) {
    const ssize_t n = recv(peer.get(), in.data() + held, in.size() - held, 0);
    if (n <= 0) _exit(1);  // the other side has ended
    held += static_cast<size_t>(n);
    const size_t done = unpack(in.data(), held, far);
    if (done == 0) continue;
    far->ring();
    held -= done;
    memmove(in.data(), in.data() + done, held);
  }
}

}  // namespace

Variant raw_tcp(const std::string& name) {
  const auto start = [](const Load& load, Control* control, const std::string&) {
    return start_baseline(load, control, send_values,
                          [](const Load&, Control* c, Memory* far) { receive_values(*c, far); });
  };
  return {name, start, false, false};
}

}  // namespace smt::bench
