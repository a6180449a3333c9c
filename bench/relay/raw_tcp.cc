#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/relay/baseline.h"
#include "bench/relay/loopback.h"
#include "bench/relay/records.h"
#include "bench/report.h"
#include "shm/fd.h"

namespace smt::bench {
namespace {

constexpr size_t kBufferBytes = 256 << 10;

void sys_check(bool ok, const char* what) {
  if (!ok) [[unlikely]]
    fail(Status::from_errno(what, errno));
}

void no_delay(const Fd& fd) {
  const int on = 1;
  sys_check(setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

// Those who come to the `hop`th place: the next one, or all subscribers of the last.
std::vector<Fd> accept_all(const Load& load, Control* control, int hop) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  sys_check(bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size) == 0, "bind");
  sys_check(listen(listener.get(), kMaxSubscribers) == 0, "listen");
  sys_check(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  control->ports[hop].store(ntohs(at.sin_port));
  std::vector<Fd> peers;
  for (int i = 0; i < (hop < load.hops ? 1 : load.subscribers); ++i) {
    peers.emplace_back(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    sys_check(peers.back().ok(), "accept");
    no_delay(peers.back());
  }
  return peers;
}

Fd connect_to(int port) {
  Fd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(port);
  sys_check(connect(peer.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
  no_delay(peer);
  return peer;
}

void send_all(const std::vector<Fd>& peers, const char* bytes, size_t size) {
  for (const Fd& peer : peers) {
    for (size_t done = 0; done < size;) {
      const ssize_t n = send(peer.get(), bytes + done, size - done, MSG_NOSIGNAL);
      if (n <= 0) _exit(1);  // the other side has ended
      done += static_cast<size_t>(n);
    }
  }
}

// Blocks while the receiver is behind: what changes meanwhile is sampled afterwards, so nothing old is sent.
[[noreturn]] void send_values(const Load& load, Control* control, const Memory& near) {
  const std::vector<Fd> peers = accept_all(load, control, 0);
  std::vector<char> out;
  for (Changes changes(near);;) {
    const uint32_t word = near.word();
    if (const size_t records = changes.find(); records != 0) {
      out.resize(records * changes.record_bytes());
      changes.pack(out.data());
      send_all(peers, out.data(), out.size());
    }
    near.wait(word);
  }
}

[[noreturn]] void pass_on(const Load& load, Control* control, int hop) {
  const Fd from = connect_to(wait_for_port(*control, hop - 1));
  const std::vector<Fd> peers = accept_all(load, control, hop);
  for (std::vector<char> bytes(kBufferBytes);;) {
    const ssize_t n = recv(from.get(), bytes.data(), bytes.size(), 0);
    if (n <= 0) _exit(1);  // the other side has ended
    send_all(peers, bytes.data(), static_cast<size_t>(n));
  }
}

[[noreturn]] void receive_values(const Load& load, const Control& control, Memory* far) {
  const Fd peer = connect_to(wait_for_port(control, load.hops));
  std::vector<char> in(std::max<size_t>(kBufferBytes, 8 + far->bytes()));
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
    return start_baseline(
        load, control, send_values,
        [](const Load& l, Control* c, Memory* far) { receive_values(l, *c, far); }, pass_on);
  };
  return {name, start, false, Kind::kRawTcp};
}

}  // namespace smt::bench
