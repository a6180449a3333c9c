// How an endpoint stands that a relay dials.
#ifndef SMT_RELAY_DIALED_ENDPOINT_H_
#define SMT_RELAY_DIALED_ENDPOINT_H_

#include <cstdint>
#include <string>

#include "shm/status.h"

namespace smt::relay {

struct DialedEndpoint {
  enum class Stands {
    kFine,          // a peer is there, and values may pass one way at least
    kElsewhere,     // nobody has answered, and another address of the same peer is used
    kSilent,        // nobody has answered
    kSendsNothing,  // a peer is there that only takes topics, as this relay does
    kWantsNothing,  // a peer is there that only sends topics, as this relay does
  };

  std::string endpoint;
  Stands stands = Stands::kSilent;
  int64_t since_ns = 0;  // BOOTTIME at which the peer that is there came, or the last one went
  std::string peer;      // its name; "": nobody is there
  // Why no session came about last, until one stands, and when that was; OK: nothing is known. kMismatch: see
  // Link::trouble; the engine has not logged it, as the process can find out whether it holds.
  Status refusal;
  int64_t refused_ns = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_DIALED_ENDPOINT_H_
