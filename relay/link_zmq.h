// Links over ZeroMQ: ROUTER where this side binds, DEALER where it dials. The only place that knows libzmq.
#ifndef SMT_RELAY_LINK_ZMQ_H_
#define SMT_RELAY_LINK_ZMQ_H_

#include <memory>
#include <string>

#include "relay/link.h"
#include "shm/status.h"

namespace smt::relay {

// "tcp://HOST:PORT", "ipc://PATH" or "inproc://NAME"; kInvalid otherwise, with what is wrong.
// `binding`: HOST may be `*` or an interface, PORT may be `*`.
Status CheckEndpoint(const std::string& endpoint, bool binding);
// Reaches this machine only: ipc, inproc, and tcp on localhost, 127.0.0.0/8 or [::1].
bool IsLoopback(const std::string& endpoint);

// One context with one I/O thread; outlives its links.
class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();  // waits until nothing is on its way any more, which is at once: nothing lingers

  // kInvalid: see CheckEndpoint. kInUse: another socket has the address. kSystem: anything else.
  Result<std::unique_ptr<Link>> bind(const std::string& endpoint);
  // The peer need not be there. kInvalid, kSystem.
  Result<std::unique_ptr<Link>> dial(const std::string& endpoint);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_LINK_ZMQ_H_
