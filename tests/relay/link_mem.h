// A Link through plain memory and a clock that a test moves: MemLink. What ZeroMQ does to a relay, on
// purpose: messages take their time, connections end and come back under another PeerId, sends are refused.
#ifndef SMT_TESTS_RELAY_LINK_MEM_H_
#define SMT_TESTS_RELAY_LINK_MEM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/link/link.h"

namespace smt::relay {

struct MemMessage {
  std::string dialer;  // the name of the end that dials
  bool to_binder = false;
  std::string header, payload;
  bool malformed = false;  // arrives as three frames would
};

// One endpoint that binds, and all that dial it.
class MemNet {
 public:
  // `*now_ns` is this net's clock.
  explicit MemNet(const int64_t* now_ns);

  std::unique_ptr<Link> bind(const std::string& endpoint);
  // The binder need not be there yet.
  std::unique_ptr<Link> dial(const std::string& endpoint, const std::string& name);

  // On the way from now on.
  void set_delay(int64_t to_binder_ns, int64_t to_dialer_ns);
  // The connection of this dialler ends, with all that is on its way; heal() lets it connect again.
  void cut(const std::string& dialer);
  void heal(const std::string& dialer);
  // Messages that one direction of one connection holds; a further one is refused (kFull).
  void set_room(size_t messages);
  // The same of what goes to this dialler.
  void set_room(const std::string& dialer, size_t messages);

  enum class Fate { kDeliver, kDrop, kTwice };
  // Sees each message that was taken and may change it.
  std::function<Fate(MemMessage*)> hook;

  struct Traffic {
    uint64_t messages = 0, header_bytes = 0, payload_bytes = 0;
  };
  // Taken by the link, delivered or not.
  Traffic traffic(const std::string& dialer, bool to_binder) const;

 private:
  friend class MemLink;
  struct Net;
  std::shared_ptr<Net> net_;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_LINK_MEM_H_
