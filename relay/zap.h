// Who may connect: answers libzmq's question about each handshake (ZAP, ZeroMQ RFC 27). Only keys of the
// Keyring pass, and a connection is then known by its key.
#ifndef SMT_RELAY_ZAP_H_
#define SMT_RELAY_ZAP_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "relay/keyring.h"
#include "shm/status.h"

namespace smt::relay {

// A socket that takes encrypted connections only, from those for whom a ZapHandler answers. To be called
// before bind(). Throws zmq::error_t.
void Guard(zmq::socket_t* socket, const KeyPair& self);
// A socket that dials somebody who must have the key `peer`. To be called before connect(). Throws as above.
void Await(zmq::socket_t* socket, const KeyPair& self, const KeyBytes& peer);

class ZapHandler {
 public:
  // Called for each refused handshake with the address and the key's fingerprint ("" when it has none).
  using Refused = std::function<void(const std::string& address, const std::string& fingerprint)>;

  // Answers in this context from here on. REQUIRES: no other one does. Throws zmq::error_t.
  ZapHandler(zmq::context_t* context, std::shared_ptr<const Keyring> keys, Refused refused);

  void set_keys(std::shared_ptr<const Keyring> keys) { keys_ = std::move(keys); }
  // Answers all that wait; how many. Until then nobody new is connected.
  size_t answer();
  // To be polled for reading; tells of changes only, so call answer() before poll().
  int fd() const { return socket_.get(zmq::sockopt::fd); }

 private:
  zmq::socket_t socket_;
  std::shared_ptr<const Keyring> keys_;
  Refused refused_;
};

enum class Handshake { kNone, kDone, kRefused, kFailed };  // kRefused: this side's key is not known there

// How handshakes of a socket that dials end. libzmq tells of them in its own thread, which would wait for
// ever for a listener that has gone: the socket outlives this.
class HandshakeWatch {
 public:
  // To be called before connect(). Throws as above.
  HandshakeWatch(zmq::context_t* context, zmq::socket_t* socket);
  ~HandshakeWatch();
  HandshakeWatch(const HandshakeWatch&) = delete;
  HandshakeWatch& operator=(const HandshakeWatch&) = delete;

  // The last one that has ended since this was asked last; kFailed, which may be a connection that broke,
  // only if there is nothing else.
  Handshake last();
  zmq::pollitem_t poll_item() { return {events_.handle(), 0, ZMQ_POLLIN, 0}; }

 private:
  void* const socket_;
  zmq::socket_t events_;
};

// Knocks at a guarded listener with the key of a `stranger`. OK: he is refused. kSystem: he is let in, or
// nothing is answered within 3 s; nothing may be served then. Throws as above.
Status TryAStranger(zmq::context_t* context, std::string endpoint, const KeyPair& self,
                    const KeyPair& stranger, ZapHandler* zap);

}  // namespace smt::relay

#endif  // SMT_RELAY_ZAP_H_
