#include "relay/zmq/zap.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/zmq/connections.h"
#include "shm/clock.h"

namespace smt::relay {
namespace {

// libzmq asks only for sockets of a domain that is not empty, and refuses all while nobody answers only with
// this option: without both it takes whoever knows the public key of the listener.
constexpr char kZapDomain[] = "smtrelay";
constexpr int kZapEnforceDomain = 93;  // ZMQ_ZAP_ENFORCE_DOMAIN: in zmq.h only with the draft API

// Frames of a request: version, request id, domain, address, routing id, mechanism, credentials.
constexpr size_t kVersion = 0, kRequest = 1, kDomain = 2, kAddress = 3, kMechanism = 5, kKey = 6, kFrames = 7;

zmq::const_buffer buffer(const KeyBytes& key) { return zmq::buffer(key.data(), key.size()); }

// A socket of both families has peers of IPv4 as "::ffff:192.0.2.1"; they are shown as IPv4 writes them.
std::string shown_address(const std::string& address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (!address.starts_with(kMapped)) return address;
  const std::string rest = address.substr(kMapped.size());
  in_addr v4;
  return inet_pton(AF_INET, rest.c_str(), &v4) == 1 ? rest : address;
}

// The own end of an encrypted connection.
void set_own_key(zmq::socket_t* s, const KeyPair& self) {
  s->set(zmq::sockopt::curve_secretkey, buffer(self.secret.bytes()));
  s->set(zmq::sockopt::curve_publickey, buffer(self.public_key));
}

}  // namespace

void guard_socket(zmq::socket_t* s, const KeyPair& self) {
  set_own_key(s, self);
  s->set(zmq::sockopt::curve_server, true);
  s->set(zmq::sockopt::zap_domain, kZapDomain);
  const int enforce = 1;
  if (zmq_setsockopt(s->handle(), kZapEnforceDomain, &enforce, sizeof enforce) != 0) throw zmq::error_t();
}

void await(zmq::socket_t* s, const KeyPair& self, const KeyBytes& peer) {
  set_own_key(s, self);
  s->set(zmq::sockopt::curve_serverkey, buffer(peer));
}

ZapHandler::ZapHandler(zmq::context_t* context, std::shared_ptr<const Keyring> keys, Refused refused)
    : socket_(*context, zmq::socket_type::rep), keys_(std::move(keys)), refused_(std::move(refused)) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind("inproc://zeromq.zap.01");
}

size_t ZapHandler::answer() {
  for (size_t answered = 0;; ++answered) {
    std::vector<std::string> frames;
    for (bool more = true; more;) {
      zmq::message_t frame;
      if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return answered;
      more = frame.more();
      if (frames.size() < kFrames) frames.push_back(frame.to_string());
    }
    const bool whole = frames.size() == kFrames && frames[kVersion] == "1.0";
    const bool curve = whole && frames[kDomain] == kZapDomain && frames[kMechanism] == "CURVE" &&
                       frames[kKey].size() == KeyBytes().size();
    KeyBytes key{};
    if (curve) std::copy_n(frames[kKey].begin(), key.size(), key.begin());
    const std::string text = curve ? public_key_text(key) : "";
    const bool known = curve && keys_->name_of(text) != nullptr;
    if (!known && whole) refused_(shown_address(frames[kAddress]), curve ? fingerprint_of(key) : "");
    const std::string request = whole ? frames[kRequest] : "";
    const std::string_view reply[] = {"1.0", request, known ? "200" : "400", known ? "" : "unknown key",
                                      text,  ""};
    for (size_t i = 0; i < std::size(reply); ++i) {
      const auto more = i + 1 < std::size(reply) ? zmq::send_flags::sndmore : zmq::send_flags::none;
      socket_.send(zmq::buffer(reply[i]), more | zmq::send_flags::dontwait);
    }
  }
}

Status try_a_stranger(zmq::context_t* context, std::string endpoint, const KeyPair& self,
                      const KeyPair& stranger, ZapHandler* zap) {
  for (const auto& [any, own] :
       {std::pair("tcp://0.0.0.0:", "tcp://127.0.0.1:"), std::pair("tcp://[::]:", "tcp://[::1]:")}) {
    if (endpoint.starts_with(any)) endpoint.replace(0, strlen(any), own);
  }
  zmq::socket_t s(*context, zmq::socket_type::dealer);
  s.set(zmq::sockopt::linger, 0);
  s.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
  await(&s, stranger, self.public_key);
  Connections connections(context, &s);
  s.connect(endpoint);
  for (int tries = 0; tries < 60; ++tries) {
    zap->answer();
    const Handshake how = connections.last(boottime_ns());
    if (how == Handshake::kRefused) return Status();
    if (how == Handshake::kDone) {
      return Status(Code::kSystem, "a stranger was let in at " + endpoint +
                                       " when it was tried: nobody asks who connects; nothing is served");
    }
    zmq::pollitem_t items[] = {connections.poll_item(), {nullptr, zap->fd(), ZMQ_POLLIN, 0}};
    zmq::poll(items, 2, std::chrono::milliseconds(50));
  }
  return Status(Code::kSystem,
                "no answer at " + endpoint +
                    " when it was tried whether a stranger's key is refused; nothing is served");
}

}  // namespace smt::relay
