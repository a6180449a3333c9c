// A link carries messages between peers. A link that binds has many peers, one that dials has one at most.
#ifndef SMT_RELAY_LINK_LINK_H_
#define SMT_RELAY_LINK_LINK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "relay/frame/frame.h"
#include "shm/status.h"

namespace smt::relay {

// Names a connection, never chosen by the peer; "" on a link that dials.
using PeerId = std::string;

struct Incoming {
  PeerId peer;
  std::span<const std::byte> header, payload;  // valid until the next receive()
  bool malformed = false;                      // not one or two frames: header and payload are empty
  // Why the link has cut this connection, for people, "": it has not. Header and payload are empty, peer and
  // key too unless it had said something; malformed if what it sent is the reason. Valid as the others.
  std::string_view cut = {};
  // The public key (text) that the peer has proved to have; "": nobody proves anything on this link. Valid as
  // the others.
  std::string_view key = {};
};

enum class Sent {
  kOk,
  kFull,  // not now: nobody is connected yet, or the queue is full
  // This peer's connection has ended. Of who dialled in: it does not come back under this id. Of a link that
  // dials: there is no other connection yet, and what the peer said last may be lost.
  kGone,
};

// Options of the messages that are sent over one link.
struct LinkOptions {
  uint64_t bytes_per_s = 0;  // to each peer at most; 0: as much as it takes
  bool compress = false;     // payloads, where that makes them smaller
  bool operator==(const LinkOptions&) const = default;
};

// No method blocks, nor does the destructor: what cannot be done at once is done later or not at all, and the
// result says so. A link may read the clock (BOOTTIME). One thread.
class Link {
 public:
  virtual ~Link() = default;

  virtual bool dials() const = 0;
  // As people know it: "tcp://127.0.0.1:7000", with the port that was taken.
  virtual const std::string& endpoint() const = 0;
  // The class that its packets carry for the routers and radios on their way (DSCP, RFC 2474), 0 to 63; 0:
  // the default, or the link has no packets.
  virtual uint8_t dscp() const { return 0; }

  // False: nothing has arrived.
  virtual bool receive(Incoming* in) = 0;
  // `header` is copied, `payload` is shared until it has left; other threads share none below kMinShared. An
  // empty payload is not sent as a frame.
  virtual Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) = 0;
  // Gives up the connection and makes a new one. REQUIRES: dials()
  virtual void redial() = 0;
  // The connection of this peer is to end as soon as what was sent to it has left. REQUIRES: !dials()
  virtual void drop(const PeerId&) {}
  // Of a link that dials, as far as it is told: its connection has ended, and there is no other one yet.
  virtual bool has_ended() { return false; }
  // Of a link that dials, as far as it is told: since redial() nobody could be reached there.
  virtual bool is_refused() { return false; }
  // Why the connection dialled last does not come about, for people; OK: that is not known. kDenied: this
  // side's key is not known there. kMismatch: who answers has not shown the key that is expected; the message
  // holds if that is a relay with keys.
  virtual Status trouble() { return Status(); }

  // To be polled for reading; -1: there is none. It tells of changes only: poll it only when readable() is
  // false.
  virtual int fd() const = 0;
  virtual bool readable() = 0;
  // fd() was polled and was not readable: the next receive() need not ask.
  virtual void quiet() {}
  // To be polled for reading too, which tells of connections; -1: there is none. receive() is to be called
  // after on_event().
  virtual int event_fd() const { return -1; }
  // event_fd() is readable.
  virtual void on_event() {}
  // When receive() is to be called even if nothing is readable (BOOTTIME); INT64_MAX: never.
  virtual int64_t due_ns() const { return INT64_MAX; }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_LINK_LINK_H_
