// Links over ZeroMQ: ROUTER where this side binds, DEALER where it dials. Only the files of this room know
// libzmq.
#ifndef SMT_RELAY_ZMQ_LINK_ZMQ_H_
#define SMT_RELAY_ZMQ_LINK_ZMQ_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "relay/keys/keyring.h"
#include "relay/link/link.h"
#include "shm/status.h"

namespace smt::relay {

// One context with one I/O thread; outlives its links. Its links never block, nor does it but for two of its
// methods: bind() and the destructor.
class ZmqContext {
 public:
  // `max_dialed`: links that dial at the same time; 0: as libzmq has it, some 300.
  explicit ZmqContext(size_t max_dialed = 0);
  // Waits until what the links sent last has left, for 100 ms at most.
  ~ZmqContext();

  // From here on links are encrypted (CURVE), and only peers of `keys` are spoken with; inproc, which does
  // not leave the process, is as ever. `refused`: see ZapHandler. REQUIRES: no link is there. kSystem.
  using Refused = std::function<void(const std::string& address, const std::string& fingerprint)>;
  Status set_keys(std::shared_ptr<const Keyring> keys, Refused refused);
  // Other ones instead. Connections that stand go on, whatever their keys are: a user of a link looks at
  // Incoming::key. But with a new key of this relay's own the listeners close, together with the connections
  // that they have taken, until listen_again(). kSystem: nobody new can connect somewhere. REQUIRES:
  // set_keys()
  Status change_keys(std::shared_ptr<const Keyring> keys);
  // To be called after change_keys() until it returns something else than kInUse: a closed listener has still
  // its address, for a few milliseconds. kSystem: nobody new can connect somewhere.
  Status listen_again();
  // With keys: lets those in who have knocked. To be called before each poll().
  void admit();
  int fd() const;  // to be polled for reading; -1: no keys

  // With keys it knocks at the listener as a stranger and waits for the refusal, usually a few milliseconds,
  // 3 s at most. kInvalid: see check_endpoint. kInUse: another socket has the address. kSystem: anything
  // else, as that the stranger was let in. `dscp`: see Link::dscp; of all connections that are taken there.
  Result<std::unique_ptr<Link>> bind(const std::string& endpoint, uint8_t dscp = 0);
  // The peer need not be there. kInvalid, kSystem.
  Result<std::unique_ptr<Link>> dial(const std::string& endpoint, uint8_t dscp = 0);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_ZMQ_LINK_ZMQ_H_
