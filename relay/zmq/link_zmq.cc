#include "relay/zmq/link_zmq.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "proto/codec.h"
#include "relay/keys/endpoint.h"
#include "relay/zmq/connections.h"
#include "relay/zmq/ordering.h"
#include "relay/zmq/zap.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

// libzmq's own routing ids: a zero byte and four random ones. A peer that brings one of its own is not
// served.
constexpr size_t kRoutingIdBytes = 5;

constexpr std::string_view kAnyHost = "tcp://*:";

// Keeps a block until libzmq's thread is done with it.
struct Hold {
  std::shared_ptr<const std::byte[]> block;
  std::atomic<bool> handed{false};
};

void release(void*, void* hint) {
  auto* hold = static_cast<Hold*>(hint);
  take_over(hold->handed);
  delete hold;
}

zmq::message_t share(const Frame& frame) {
  if (frame.bytes.size() < kMinShared) return zmq::message_t(frame.bytes.data(), frame.bytes.size());
  auto* hold = new Hold{frame.block};
  hand_over(&hold->handed);
  return zmq::message_t(const_cast<std::byte*>(frame.bytes.data()), frame.bytes.size(), release, hold);
}

class ZmqLink;

// What all links of a context share.
struct Shared {
  std::shared_ptr<const Keyring> keys;  // null: none
  std::set<ZmqLink*> links;
};

class ZmqLink : public Link {
 public:
  // `peer`: whose key is to be there, of a link that dials with keys.
  ZmqLink(zmq::context_t* context, Shared* shared, bool dials, std::string endpoint, std::string peer,
          uint8_t dscp)
      : context_(context),
        dials_(dials),
        dscp_(dscp),
        endpoint_(std::move(endpoint)),
        peer_(std::move(peer)),
        shared_(shared),
        guarded_(shared->keys != nullptr && !endpoint_.starts_with(kInproc)) {
    shared_->links.insert(this);
  }
  ~ZmqLink() override {
    shared_->links.erase(this);
    // A goodbye may still leave.
    if (socket_) socket_.set(zmq::sockopt::linger, 100);
  }

  // Throws zmq::error_t.
  void open() {
    zmq::socket_t s(*context_, dials_ ? zmq::socket_type::dealer : zmq::socket_type::router);
    auto connections = std::make_unique<Connections>(context_, &s);
    s.set(zmq::sockopt::linger, 0);
    s.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(proto::kMaxFrame + 4096));
    s.set(zmq::sockopt::tcp_keepalive, 1);
    // DSCP is the upper six bits of IPv4's type of service and of IPv6's traffic class.
    if (dscp_ != 0) s.set(zmq::sockopt::tos, dscp_ << 2);
    s.set(zmq::sockopt::ipv6, endpoint_.find('[') != std::string::npos || is_turn_of_ipv6());
    if (dials_) {
      const bool known = !guarded_ || await_peer(&s);
      // Nothing is queued for a connection that is not there: it would be old when it arrives.
      s.set(zmq::sockopt::immediate, 1);
      s.set(zmq::sockopt::reconnect_ivl, 50);
      s.set(zmq::sockopt::reconnect_ivl_max, 200);
      if (known) s.connect(endpoint_);
    } else {
      s.set(zmq::sockopt::router_mandatory, 1);
      s.set(zmq::sockopt::router_handover, 0);
      s.set(zmq::sockopt::handshake_ivl, 3000);
      s.set(zmq::sockopt::backlog, 1024);
      if (guarded_) guard_socket(&s, shared_->keys->self());
      listen(&s);
    }
    connections_.reset();
    socket_ = std::move(s);
    fd_ = socket_.get(zmq::sockopt::fd);
    connections_ = std::move(connections);
  }

  // New connections use the present key of this relay, once this link listens again. Those that this socket
  // has taken are closed: libzmq has them belong to the listener. Throws zmq::error_t.
  void renew_key() {
    if (!guarded_ || dials_) return;
    if (!closed_) socket_.unbind(bound_);
    closed_ = true;
    guard_socket(&socket_, shared_->keys->self());
  }
  // After renew_key(). False: not yet, the old listener closes in libzmq's own thread. Throws zmq::error_t.
  bool listen_again() {
    if (!closed_) return true;
    try {
      socket_.bind(bound_);
    } catch (const zmq::error_t& e) {
      if (e.num() == EADDRINUSE) return false;
      throw;
    }
    closed_ = false;
    return true;
  }
  bool guarded() const { return guarded_; }

  bool dials() const override { return dials_; }
  uint8_t dscp() const override { return dscp_; }
  const std::string& endpoint() const override { return endpoint_; }

  bool receive(Incoming* in) override {
    const int64_t now = boottime_ns();
    if (std::exchange(look_, false)) connections_->look(now);
    if (now >= connections_->due_ns()) connections_->check(!dials_, now);
    if (connections_->take_cut(&cut_)) {
      *in = {.peer = cut_.peer,
             .header = {},
             .payload = {},
             .malformed = cut_.hoards,
             .cut = cut_.why,
             .key = cut_.key};
      return true;
    }
    if (std::exchange(quiet_, false)) return false;
    drained_ = asked_ = false;  // more may be there than is asked for
    for (;;) {
      in->peer.clear();
      in->malformed = false;
      in->cut = in->key = {};
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
      uint64_t wire_bytes = frame_wire_bytes(header_) + (header_.more() ? frame_wire_bytes(payload_) : 0);
      for (bool more = payload_.more(); more;) {
        in->malformed = true;
        zmq::message_t rest;
        if (!socket_.recv(rest, zmq::recv_flags::dontwait)) break;
        wire_bytes += frame_wire_bytes(rest);
        more = rest.more();
      }
      if (!dials_) {
        in->peer.assign(static_cast<const char*>(id.data()), id.size());
        if (id.size() != kRoutingIdBytes || in->peer[0] != 0) continue;
      }
      if (guarded_) {
        const char* const user = dials_ ? peer_key_.c_str() : zmq_msg_gets(header_.handle(), "User-Id");
        if (user == nullptr) continue;
        in->key = user;
      }
      connections_->on_received(zmq_msg_get(header_.handle(), ZMQ_SRCFD), in->peer, in->key, wire_bytes, now);
      answered_ = true;
      if (!in->malformed) {
        in->header = {static_cast<const std::byte*>(header_.data()), header_.size()};
        in->payload = {static_cast<const std::byte*>(payload_.data()), payload_.size()};
      }
      return true;
    }
  }

  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override {
    drained_ = asked_ = false;
    try {
      const auto more = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
      const bool two = !payload.bytes.empty();
      if (!dials_ && !socket_.send(zmq::buffer(to), more)) return Sent::kFull;
      zmq::message_t head(header.data(), header.size());
      if (!socket_.send(head, two ? more : zmq::send_flags::dontwait)) {
        // What the peer said last may be lost: libzmq drops what was not taken yet when a connection ends.
        if (dials_) connections_->look(boottime_ns());
        return has_ended() ? Sent::kGone : Sent::kFull;
      }
      // The first frame decides: the others go where it went.
      if (two) {
        zmq::message_t body = share(payload);
        if (!socket_.send(body, zmq::send_flags::dontwait)) return Sent::kFull;
      }
      return Sent::kOk;
    } catch (const zmq::error_t& e) {
      return e.num() == EHOSTUNREACH ? Sent::kGone : Sent::kFull;
    }
  }

  void redial() override {
    drained_ = asked_ = false;
    // The peer may have its other key by now.
    if (!std::exchange(answered_, false)) ++turn_;
    try {
      open();  // closes the old socket
    } catch (const zmq::error_t&) {
      // Out of descriptors, or the interface is gone: the old socket goes on trying, and so does the next
      // redial.
    }
  }

  void drop(const PeerId& peer) override { connections_->drop(peer, boottime_ns()); }

  bool has_ended() override { return dials_ && connections_->has_ended(); }
  bool is_refused() override { return dials_ && connections_->is_refused(); }

  Status trouble() override {
    switch (guarded_ ? connections_->last(boottime_ns()) : Handshake::kNone) {
      case Handshake::kRefused:
        return {Code::kDenied, "our key is not known there; its fingerprint is " +
                                   fingerprint_of(shared_->keys->self().public_key)};
      case Handshake::kFailed:
        return {Code::kMismatch,
                "the relay there has not the key that peers/ has of " + peer_ +
                    "; correct the address, or copy its .pub file anew" +
                    (is_loopback(endpoint_) ? " (this relay itself is #" + shared_->keys->self().name + ")"
                                            : "")};
      default:
        return Status();
    }
  }

  int fd() const override { return fd_; }
  bool readable() override {
    if (drained_) return false;
    asked_ = (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) == 0;
    return !asked_;
  }
  void quiet() override { quiet_ = drained_ || asked_; }
  int event_fd() const override { return dials_ ? connections_->fd() : -1; }
  void on_event() override { look_ = true; }
  int64_t due_ns() const override { return connections_->due_ns(); }

 private:
  // The host `*` is every address of both families; where this machine has no IPv6, of IPv4. It is shown as
  // IPv4 writes it. Throws zmq::error_t.
  void listen(zmq::socket_t* s) {
    const bool any = endpoint_.starts_with(kAnyHost);
    try {
      if (any) s->set(zmq::sockopt::ipv6, true);
      s->bind(endpoint_);
    } catch (const zmq::error_t& e) {
      if (!any || e.num() == EADDRINUSE || e.num() == EACCES) throw;
      s->set(zmq::sockopt::ipv6, false);
      s->bind(endpoint_);
    }
    bound_ = s->get(zmq::sockopt::last_endpoint);
    endpoint_ = any ? "tcp://0.0.0.0" + bound_.substr(bound_.rfind(':')) : bound_;
  }

  uint64_t frame_wire_bytes(const zmq::message_t& frame) const {
    return Connections::wire_bytes(frame.size(), guarded_);
  }

  // libzmq looks a name up in one family. A host that has IPv6 addresses alone is found in every third
  // dialling that nobody answers; one that has both is not kept waiting by an IPv6 that does not work.
  bool is_turn_of_ipv6() const {
    const auto* const keys = guarded_ ? shared_->keys->keys_of(peer_) : nullptr;
    const size_t tries = keys == nullptr ? 1 : keys->size();  // of one family, with each key
    return dials_ && has_host_name(endpoint_) && !is_loopback(endpoint_) && turn_ / tries % 3 == 2;
  }

  // False: there is no key of the peer.
  bool await_peer(zmq::socket_t* s) {
    const std::vector<KeyBytes>* const keys = shared_->keys->keys_of(peer_);
    if (keys == nullptr) return false;
    const KeyBytes& key = (*keys)[turn_ % keys->size()];
    await(s, shared_->keys->self(), key);
    peer_key_ = public_key_text(key);
    return true;
  }

  zmq::context_t* context_;
  const bool dials_;
  const uint8_t dscp_;
  std::string endpoint_;
  std::string bound_;  // what libzmq calls the listener
  const std::string peer_;
  Shared* shared_;
  const bool guarded_;
  bool closed_ = false;    // renew_key() has closed the listener
  std::string peer_key_;   // that the connection dialled last wants
  size_t turn_ = 0;        // which of the peer's keys is tried
  bool answered_ = false;  // by the peer, since it was dialled last
  zmq::socket_t socket_;
  int fd_ = -1;                               // of socket_
  std::unique_ptr<Connections> connections_;  // of socket_
  Connections::Cut cut_;                      // told last
  zmq::message_t header_, payload_;
  // The last receive(), or the last readable(), found nothing, and no message has been sent since: whatever
  // comes makes the descriptor readable, no need to ask again. To ask costs two system calls of libzmq. A
  // message that is sent may take the signal of what has come meanwhile, so that one look follows it.
  bool drained_ = false, asked_ = false;
  bool quiet_ = false;
  bool look_ = false;  // something has become of a connection
};

// libzmq takes a path over from whoever listens there.
bool somebody_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path.data(), path.size());
  const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens = s >= 0 && connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (s >= 0) close(s);
  return listens;
}

}  // namespace

struct ZmqContext::Impl {
  zmq::context_t context{1};
  Shared shared;
  std::optional<ZapHandler> zap;
  std::string stranger;  // the fingerprint of who is tried

  static std::string cannot_listen(const ZmqLink& link, const std::string& why) {
    return "cannot listen at " + link.endpoint() + " with the new key: " + why + "; restart the relay";
  }

  Result<std::unique_ptr<Link>> open(const std::string& text, bool dials, uint8_t dscp) {
    if (Status s = check_endpoint(text, !dials); !s.ok()) return s;
    const std::string endpoint = dials ? split_peer(text).first : text;
    const std::string what = (dials ? "cannot dial " : "cannot bind ") + endpoint;
    std::string peer;
    if (dials && shared.keys != nullptr && !endpoint.starts_with(kInproc)) {
      Result<std::string> name = peer_at(text, *shared.keys);
      if (!name.ok()) return Status(name.status().code(), what + ": " + name.status().message());
      peer = std::move(*name);
    }
    if (!dials && endpoint.starts_with(kIpc) && somebody_listens(endpoint.substr(kIpc.size()))) {
      return Status(Code::kInUse, what + ": another process listens there");
    }
    auto link = std::make_unique<ZmqLink>(&context, &shared, dials, endpoint, peer, dscp);
    try {
      link->open();
      if (!dials && link->guarded()) {
        const KeyPair tried = KeyPair::make("stranger");
        stranger = fingerprint_of(tried.public_key);
        if (Status s = try_a_stranger(&context, link->endpoint(), shared.keys->self(), tried, &*zap); !s.ok())
          return s;
      }
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

ZmqContext::ZmqContext(size_t max_dialed) : impl_(std::make_unique<Impl>()) {
  // Of each the socket, its monitor, and who listens to that.
  constexpr size_t kSockets = 3, kOthers = 64;
  if (max_dialed != 0)
    impl_->context.set(zmq::ctxopt::max_sockets, static_cast<int>(kSockets * max_dialed + kOthers));
}
ZmqContext::~ZmqContext() = default;

Status ZmqContext::set_keys(std::shared_ptr<const Keyring> keys, Refused refused) {
  impl_->shared.keys = std::move(keys);
  try {
    impl_->zap.emplace(&impl_->context, impl_->shared.keys,
                       [impl = impl_.get(), refused = std::move(refused)](const std::string& address,
                                                                          const std::string& fingerprint) {
                         if (fingerprint != impl->stranger) refused(address, fingerprint);
                       });
  } catch (const zmq::error_t& e) {
    return Status(Code::kSystem, std::string("cannot answer who may connect: ") + e.what());
  }
  return Status();
}

Status ZmqContext::change_keys(std::shared_ptr<const Keyring> keys) {
  const bool own = keys->self().public_key != impl_->shared.keys->self().public_key;
  impl_->shared.keys = std::move(keys);
  impl_->zap->set_keys(impl_->shared.keys);
  Status failed;
  for (ZmqLink* link : impl_->shared.links) {
    if (!own) break;
    try {
      link->renew_key();
    } catch (const zmq::error_t& e) {
      failed = Status(Code::kSystem, Impl::cannot_listen(*link, e.what()));
    }
  }
  return failed;
}

Status ZmqContext::listen_again() {
  Status failed, busy;
  for (ZmqLink* link : impl_->shared.links) {
    try {
      if (!link->listen_again())
        busy = Status(Code::kInUse, Impl::cannot_listen(*link, zmq_strerror(EADDRINUSE)));
    } catch (const zmq::error_t& e) {
      failed = Status(Code::kSystem, Impl::cannot_listen(*link, e.what()));
    }
  }
  return failed.ok() ? busy : failed;
}

void ZmqContext::admit() {
  if (impl_->zap) impl_->zap->answer();
}

int ZmqContext::fd() const { return impl_->zap ? impl_->zap->fd() : -1; }

Result<std::unique_ptr<Link>> ZmqContext::bind(const std::string& endpoint, uint8_t dscp) {
  return impl_->open(endpoint, false, dscp);
}
Result<std::unique_ptr<Link>> ZmqContext::dial(const std::string& endpoint, uint8_t dscp) {
  return impl_->open(endpoint, true, dscp);
}

}  // namespace smt::relay
