#include "relay/link_zmq.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <utility>
#include <zmq.hpp>

#include "proto/codec.h"

namespace smt::relay {

namespace {

// Below this a copy is cheaper than sharing.
constexpr size_t kCopyBelow = 1024;
// libzmq's own routing ids: a zero byte and four random ones. A peer that brings one of its own is not
// served.
constexpr size_t kRoutingIdBytes = 5;

// Keeps a block until libzmq is done with it, in its own thread. libzmq hands it over under locks of its own;
// `handed` says the same where a race detector can see it.
struct Hold {
  std::shared_ptr<const std::byte[]> block;
  std::atomic<bool> handed{false};
};

void Release(void*, void* hint) {
  auto* hold = static_cast<Hold*>(hint);
  (void)hold->handed.load(std::memory_order_acquire);
  delete hold;
}

zmq::message_t Share(const Frame& frame) {
  if (frame.bytes.size() < kCopyBelow) return zmq::message_t(frame.bytes.data(), frame.bytes.size());
  auto* hold = new Hold{frame.block};
  hold->handed.store(true, std::memory_order_release);
  return zmq::message_t(const_cast<std::byte*>(frame.bytes.data()), frame.bytes.size(), Release, hold);
}

class ZmqLink : public Link {
 public:
  ZmqLink(zmq::context_t* context, bool dials, std::string endpoint)
      : context_(context), dials_(dials), endpoint_(std::move(endpoint)) {}
  ~ZmqLink() override {
    // A goodbye may still leave.
    if (socket_) socket_.set(zmq::sockopt::linger, 100);
  }

  // Throws zmq::error_t.
  void open() {
    zmq::socket_t s(*context_, dials_ ? zmq::socket_type::dealer : zmq::socket_type::router);
    s.set(zmq::sockopt::linger, 0);
    s.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(proto::kLargestFrame + 4096));
    s.set(zmq::sockopt::tcp_keepalive, 1);
    s.set(zmq::sockopt::ipv6, endpoint_.find('[') != std::string::npos);
    if (dials_) {
      // Nothing is queued for a connection that is not there: it would be old when it arrives.
      s.set(zmq::sockopt::immediate, 1);
      s.set(zmq::sockopt::reconnect_ivl, 50);
      s.set(zmq::sockopt::reconnect_ivl_max, 200);
      s.connect(endpoint_);
    } else {
      s.set(zmq::sockopt::router_mandatory, 1);
      s.set(zmq::sockopt::router_handover, 0);
      s.set(zmq::sockopt::handshake_ivl, 3000);
      s.set(zmq::sockopt::backlog, 1024);
      s.bind(endpoint_);
      endpoint_ = s.get(zmq::sockopt::last_endpoint);
    }
    socket_ = std::move(s);
  }

  bool dials() const override { return dials_; }
  const std::string& endpoint() const override { return endpoint_; }

  bool receive(Incoming* in) override {
    if (std::exchange(quiet_, false)) return false;
    for (;;) {
      in->peer.clear();
      in->malformed = false;
      in->header = in->payload = {};
      zmq::message_t id;
      if (!dials_) {
        if (!socket_.recv(id, zmq::recv_flags::dontwait)) return !(drained_ = true);
        if (!id.more()) continue;
      }
      if (!socket_.recv(header_, zmq::recv_flags::dontwait)) return !(drained_ = true);
      if (header_.more()) {
        if (!socket_.recv(payload_, zmq::recv_flags::dontwait)) return false;
      } else {
        payload_.rebuild();
      }
      for (bool more = payload_.more(); more;) {
        in->malformed = true;
        zmq::message_t rest;
        if (!socket_.recv(rest, zmq::recv_flags::dontwait)) break;
        more = rest.more();
      }
      if (!dials_) {
        in->peer.assign(static_cast<const char*>(id.data()), id.size());
        if (id.size() != kRoutingIdBytes || in->peer[0] != 0) continue;
      }
      if (!in->malformed) {
        in->header = {static_cast<const std::byte*>(header_.data()), header_.size()};
        in->payload = {static_cast<const std::byte*>(payload_.data()), payload_.size()};
      }
      return true;
    }
  }

  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override {
    drained_ = false;
    try {
      const auto more = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
      const bool two = !payload.bytes.empty();
      if (!dials_ && !socket_.send(zmq::buffer(to), more)) return Sent::kFull;
      zmq::message_t head(header.data(), header.size());
      if (!socket_.send(head, two ? more : zmq::send_flags::dontwait)) return Sent::kFull;
      // The first frame decides: the others go where it went.
      if (two) {
        zmq::message_t body = Share(payload);
        if (!socket_.send(body, zmq::send_flags::dontwait)) return Sent::kFull;
      }
      return Sent::kOk;
    } catch (const zmq::error_t& e) {
      return e.num() == EHOSTUNREACH ? Sent::kGone : Sent::kFull;
    }
  }

  void redial() override {
    drained_ = false;
    try {
      open();  // closes the old socket
    } catch (const zmq::error_t&) {
      // Out of descriptors, or the interface is gone: the old socket goes on trying, and so does the next
      // redial.
    }
  }

  int fd() const override { return socket_.get(zmq::sockopt::fd); }
  bool readable() override { return !drained_ && (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; }
  void quiet() override { quiet_ = drained_; }

 private:
  zmq::context_t* context_;
  const bool dials_;
  std::string endpoint_;
  zmq::socket_t socket_;
  zmq::message_t header_, payload_;
  // The last call found nothing, so that whatever comes makes the descriptor readable: no need to ask again.
  bool drained_ = false;
  bool quiet_ = false;
};

// libzmq takes a path over from whoever listens there.
bool SomebodyListens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path.data(), path.size());
  const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens = s >= 0 && connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (s >= 0) close(s);
  return listens;
}

constexpr std::string_view kTcp = "tcp://", kIpc = "ipc://", kInproc = "inproc://";

// HOST and PORT of tcp://HOST:PORT.
std::pair<std::string, std::string> HostAndPort(const std::string& endpoint) {
  const std::string rest = endpoint.substr(kTcp.size());
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return {rest, ""};
  return {rest.substr(0, colon), rest.substr(colon + 1)};
}

}  // namespace

Status CheckEndpoint(const std::string& endpoint, bool binding) {
  const auto bad = [&](const std::string& why) {
    return Status(Code::kInvalid, "endpoint '" + endpoint + "': " + why);
  };
  if (endpoint.starts_with(kIpc)) {
    const size_t bytes = endpoint.size() - kIpc.size();
    return bytes == 0 || bytes >= sizeof(sockaddr_un::sun_path)
               ? bad("a path of 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                     " bytes follows ipc://")
               : Status();
  }
  if (endpoint.starts_with(kInproc))
    return endpoint.size() == kInproc.size() ? bad("a name follows inproc://") : Status();
  if (!endpoint.starts_with(kTcp)) return bad("it begins with tcp://, ipc:// or inproc://");
  const auto [host, port] = HostAndPort(endpoint);
  if (host.empty() || port.empty()) return bad("tcp:// is followed by HOST:PORT");
  if (host == "*" && !binding) return bad("`*` is for --bind; name the host to dial");
  const auto strange = [](unsigned char c) {
    return !std::isalnum(c) &&
           std::string_view("._-*:[]%").find(static_cast<char>(c)) == std::string_view::npos;
  };
  if (std::any_of(host.begin(), host.end(), strange)) return bad("'" + host + "' is no host");
  if (host.find(':') != std::string::npos && (host.front() != '[' || host.back() != ']')) {
    return bad("an IPv6 address stands in brackets: tcp://[::1]:7000");
  }
  if (port == "*") return binding ? Status() : bad("a free port is for --bind; name the port to dial");
  const bool digits = port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || std::stoi(port) < 1 || std::stoi(port) > 65535)
    return bad("port '" + port + "' is not 1 to 65535");
  return Status();
}

bool IsLoopback(const std::string& endpoint) {
  if (!endpoint.starts_with(kTcp)) return true;
  const std::string host = HostAndPort(endpoint).first;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";
}

struct ZmqContext::Impl {
  zmq::context_t context{1};

  Result<std::unique_ptr<Link>> open(const std::string& endpoint, bool dials) {
    if (Status s = CheckEndpoint(endpoint, !dials); !s.ok()) return s;
    const std::string what = (dials ? "cannot dial " : "cannot bind ") + endpoint;
    if (!dials && endpoint.starts_with(kIpc) && SomebodyListens(endpoint.substr(kIpc.size()))) {
      return Status(Code::kInUse, what + ": another process listens there");
    }
    auto link = std::make_unique<ZmqLink>(&context, dials, endpoint);
    try {
      link->open();
    } catch (const zmq::error_t& e) {
      if (e.num() == EADDRINUSE) {
        return Status(Code::kInUse,
                      what + ": another process has the port; take another one, or `*` for a free one");
      }
      return Status(Code::kSystem, what + ": " + e.what());
    }
    return std::unique_ptr<Link>(std::move(link));
  }
};

ZmqContext::ZmqContext() : impl_(std::make_unique<Impl>()) {}
ZmqContext::~ZmqContext() = default;

Result<std::unique_ptr<Link>> ZmqContext::bind(const std::string& endpoint) {
  return impl_->open(endpoint, false);
}
Result<std::unique_ptr<Link>> ZmqContext::dial(const std::string& endpoint) {
  return impl_->open(endpoint, true);
}

}  // namespace smt::relay
