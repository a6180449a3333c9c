// Links over ZeroMQ: ROUTER where this side binds, DEALER where it dials. Only this, relay/zap
// and relay/connections know libzmq.
#ifndef SMT_RELAY_ZMQ_LINK_ZMQ_H_
#define SMT_RELAY_ZMQ_LINK_ZMQ_H_

#include <functional>
#include <memory>
#include <string>

#include "relay/keys/keyring.h"
#include "relay/link/link.h"
#include "shm/status.h"

namespace smt::relay {

// One context with one I/O thread; outlives its links.
class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();  // waits until nothing is on its way any more, which is at once: nothing lingers

  // From here on links are encrypted (CURVE), and only peers of `keys` are spoken with; inproc, which does
  // not leave the process, is as ever. `refused`: see ZapHandler. REQUIRES: no link is there. kSystem.
  using Refused = std::function<void(const std::string& address, const std::string& fingerprint)>;
  Status set_keys(std::shared_ptr<const Keyring> keys, Refused refused);
  // Other ones instead. Connections that stand go on, whatever their keys are: those who use a link look at
  // Incoming::key. But with a new key of this relay's own those that its listeners have taken are closed.
  // kSystem: nobody new can connect
  // somewhere. REQUIRES: set_keys()
  Status change_keys(std::shared_ptr<const Keyring> keys);
  // With keys: lets those in who have knocked. To be called before each poll().
  void admit();
  int fd() const;  // to be polled for reading; -1: no keys

  // kInvalid: see CheckEndpoint. kInUse: another socket has the address. kSystem: anything else, as that a
  // stranger with a key of his own was let in when it was tried.
  Result<std::unique_ptr<Link>> bind(const std::string& endpoint);
  // The peer need not be there. kInvalid, kSystem.
  Result<std::unique_ptr<Link>> dial(const std::string& endpoint);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_ZMQ_LINK_ZMQ_H_
