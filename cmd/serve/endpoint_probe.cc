#include "cmd/serve/endpoint_probe.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include "cmd/text/signals_blocked.h"
#include "relay/keys/endpoint.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using namespace std::string_view_literals;

// ZMTP 3: the signature and the greatest version, which both sides send first; the mechanism follows in the
// 64 bytes that are a greeting.
constexpr std::string_view kGreeting = "\xff\0\0\0\0\0\0\0\1\x7f\3"sv;
constexpr size_t kGreetingBytes = 64, kMechanism = 12, kMechanismBytes = 20;
// A server of lines answers a line. One of ZMTP that has read the greeting waits for more than that.
constexpr std::string_view kLines = "\r\n\r\n";
constexpr int64_t kListenNs = 500'000'000;
constexpr size_t kMaxHeardShown = 40;

using Progress = std::function<void(Answer so_far)>;

Probed of_errno(int error) {
  switch (error) {
    case ECONNREFUSED:
      return {Answer::kRefused};
    case ENETUNREACH:
    case ENETDOWN:
      return {Answer::kNoNetwork};
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return {Answer::kNoHost};
    case ETIMEDOUT:
    case EAGAIN:  // a socket file whose listener does not keep up
      return {Answer::kNothing};
    case EACCES:
    case EPERM:
      return {Answer::kForbidden};
    case ENOENT:
    case ENOTDIR:
      return {Answer::kNoSocket};
    case ECONNRESET:
    case EPIPE:
      return {Answer::kClosed};
    default:
      return {Answer::kError, strerror(error)};
  }
}

// Waits for the descriptor until then. False: it is not ready.
bool wait_for(const Fd& fd, short events, int64_t deadline_ns) {
  pollfd ready = {fd.get(), events, 0};
  const int64_t left_ms = (deadline_ns - boottime_ns() + 999'999) / 1'000'000;
  return poll(&ready, 1, static_cast<int>(std::max<int64_t>(0, left_ms))) > 0;
}

// 0: `*fd` is connected, else the errno.
int connect_to(const sockaddr* address, socklen_t bytes, int64_t deadline_ns, Fd* fd) {
  *fd = Fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd->ok()) return errno;
  if (connect(fd->get(), address, bytes) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_for(*fd, POLLOUT, deadline_ns)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd->get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

int connect_to_path(const std::string& path, Fd* fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  memcpy(address.sun_path, path.data(), path.size());
  return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, boottime_ns(), fd);
}

// To the first address that takes the connection; each has its share of the time. The errno is of the last.
int connect_to_any(const addrinfo* addresses, int64_t deadline_ns, Fd* fd) {
  int left = 0, error = EADDRNOTAVAIL;
  for (const addrinfo* a = addresses; a != nullptr; a = a->ai_next) ++left;
  for (const addrinfo* a = addresses; a != nullptr; a = a->ai_next, --left) {
    const int64_t now = boottime_ns();
    error = connect_to(a->ai_addr, a->ai_addrlen, now + (deadline_ns - now) / left, fd);
    if (error == 0) return 0;
  }
  return error;
}

// What has been read of the other side's greeting; nothing: more may come.
std::optional<Probed> judge(const std::string& heard, bool ended) {
  const std::string_view text = heard;
  const bool greets = text.substr(0, 1) == kGreeting.substr(0, 1) &&
                      (text.size() < 10 || (static_cast<unsigned char>(text[9]) & 1) != 0);
  if (!heard.empty() && !greets) {
    const std::string_view line = text.substr(0, std::min(text.find_first_of("\r\n"), kMaxHeardShown));
    return Probed{Answer::kOther, printable(line)};
  }
  if (heard.size() >= kGreetingBytes) {
    const std::string_view mechanism = text.substr(kMechanism, kMechanismBytes);
    return Probed{mechanism.starts_with("CURVE\0"sv) ? Answer::kKeyed : Answer::kPlain};
  }
  if (ended) return Probed{Answer::kClosed};
  return std::nullopt;
}

Probed listen_to(const Fd& fd, int64_t deadline_ns) {
  std::string heard;
  if (send(fd.get(), kGreeting.data(), kGreeting.size(), MSG_NOSIGNAL) < 0) return of_errno(errno);
  const int64_t lines_ns = std::min(deadline_ns, boottime_ns() + kListenNs);
  for (bool asked = false;;) {
    if (!wait_for(fd, POLLIN, asked ? deadline_ns : lines_ns)) {
      if (asked) return {Answer::kSilence};
      asked = true;
      if (heard.empty()) (void)send(fd.get(), kLines.data(), kLines.size(), MSG_NOSIGNAL);
      continue;
    }
    char bytes[256];
    const ssize_t n = recv(fd.get(), bytes, sizeof bytes, 0);
    if (n < 0 && errno != EAGAIN && heard.empty()) return of_errno(errno);
    if (n > 0) heard.append(bytes, static_cast<size_t>(n));
    const bool ended = n == 0 || (n < 0 && errno != EAGAIN);
    if (std::optional<Probed> judged = judge(heard, ended)) return *std::move(judged);
  }
}

Probed probe(const std::string& endpoint, int64_t timeout_ns, const Progress& progress) {
  Fd fd;
  int error = 0;
  int64_t deadline_ns = boottime_ns() + timeout_ns;
  if (endpoint.starts_with(relay::kIpc)) {
    error = connect_to_path(endpoint.substr(relay::kIpc.size()), &fd);
  } else {
    const auto [host, port] = relay::host_and_port(endpoint);
    int unknown = 0;
    const Addresses addresses = resolve(host, port, false, &unknown);
    if (addresses == nullptr) {
      const bool no_server = unknown == EAI_AGAIN || unknown == EAI_FAIL;
      return {no_server ? Answer::kNoServer : Answer::kNoName, gai_strerror(unknown)};
    }
    progress(Answer::kNothing);
    deadline_ns = boottime_ns() + timeout_ns;
    error = connect_to_any(addresses.get(), deadline_ns - kListenNs, &fd);
  }
  if (error != 0) return of_errno(error);
  progress(Answer::kSilence);
  return listen_to(fd, deadline_ns);
}

}  // namespace

Addresses resolve(const std::string& host, const std::string& port, bool binding, int* error) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (binding) hints.ai_flags = AI_PASSIVE;
  const bool bracketed = host.starts_with('[');
  const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
  *error = getaddrinfo(host == "*" ? nullptr : bare.c_str(), port.c_str(), &hints, &found);
  return Addresses(found, [](addrinfo* a) {
    if (a != nullptr) freeaddrinfo(a);
  });
}

std::string reason_text(const Probed& probed, bool has_keys) {
  switch (probed.answer) {
    case Answer::kLookUp:
      return "its name is still being looked up; does a name server answer?";
    case Answer::kNoName:
      return "there is no such host name; correct it, or write the address";
    case Answer::kNoServer:
      return "its name cannot be looked up, as no name server answers; write the address";
    case Answer::kRefused:
      return "nobody listens there; start a relay that binds it, or correct the port";
    case Answer::kNoNetwork:
      return "there is no route to its network; is the interface up?";
    case Answer::kNoHost:
      return "there is no route to this host; is it switched on, and in this network?";
    case Answer::kNothing:
      return "nothing answers the connection; is the machine on, is this its address, does a firewall drop "
             "it?";
    case Answer::kForbidden:
      return "the connection is forbidden, by a firewall, a route, or the rights on the socket";
    case Answer::kNoSocket:
      return "there is no socket at this path; start a relay that binds it, or correct the path";
    case Answer::kOther:
      return fmt::format("something that is no relay answers: \"{}\"; correct the port", probed.detail);
    case Answer::kSilence:
      return "the connection is taken, and nothing comes; it is no relay, or one that hangs";
    case Answer::kClosed:
      return "the connection is taken and closed again; it is no relay, or a forwarder in front of none";
    case Answer::kPlain:
      if (has_keys) return "the relay there has no keys, and this one has; give it --keys too";
      break;
    case Answer::kKeyed:
      if (!has_keys) return "the relay there has keys, and this one has none; give --keys";
      break;
    case Answer::kError:
      return probed.detail;
  }
  return "ZeroMQ answers, and no relay says Hello; it is another program, or a relay that hangs";
}

struct EndpointProbe::State {
  std::mutex mutex;  // of what follows
  Probed found{Answer::kLookUp};
  bool runs = true;
};

void EndpointProbe::start(const std::string& endpoint, int64_t timeout_ns) {
  state_ = std::make_shared<State>();
  try {
    const AllSignalsBlocked blocked;
    std::thread([state = state_, endpoint, timeout_ns] {
      Probed found = probe(endpoint, timeout_ns, [&](Answer so_far) {
        const std::lock_guard lock(state->mutex);
        state->found.answer = so_far;
      });
      const std::lock_guard lock(state->mutex);
      state->found = std::move(found);
      state->runs = false;
    }).detach();
  } catch (const std::system_error& e) {
    const std::lock_guard lock(state_->mutex);
    state_->found = {Answer::kError, std::string("it cannot be probed: ") + e.what()};
    state_->runs = false;
  }
}

bool EndpointProbe::runs() const {
  if (state_ == nullptr) return false;
  const std::lock_guard lock(state_->mutex);
  return state_->runs;
}

std::optional<Probed> EndpointProbe::found() const {
  if (state_ == nullptr) return std::nullopt;
  const std::lock_guard lock(state_->mutex);
  return state_->found;
}

}  // namespace smt::cmd
