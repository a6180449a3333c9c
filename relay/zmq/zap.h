// Answers libzmq's question whether a handshake may go on (ZAP, ZeroMQ RFC 27). Only keys of the
// Keyring pass, and a connection is then known by its key.
#ifndef SMT_RELAY_ZMQ_ZAP_H_
#define SMT_RELAY_ZMQ_ZAP_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "relay/keys/keyring.h"
#include "shm/status.h"

namespace smt::relay {

// A socket that takes encrypted connections only, from those for whom a ZapHandler answers. To be called
// before bind(). Throws zmq::error_t.
void guard_socket(zmq::socket_t* socket, const KeyPair& self);
// A socket that dials somebody who must have the key `peer`. To be called before connect(). Throws as above.
void await(zmq::socket_t* socket, const KeyPair& self, const KeyBytes& peer);

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

// Knocks at a guarded listener with the key of a `stranger`. OK: he is refused. kSystem: he is let in, or
// nothing is answered within 3 s; nothing may be served then. Throws as above.
Status try_a_stranger(zmq::context_t* context, std::string endpoint, const KeyPair& self,
                      const KeyPair& stranger, ZapHandler* zap);

}  // namespace smt::relay

#endif  // SMT_RELAY_ZMQ_ZAP_H_
