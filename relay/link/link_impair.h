// A link that is made worse on purpose, to rehearse a bad network without root: each message that is sent or
// received is held back for a while, above the socket. What passes is what TCP would let pass: everything, in
// order. A lost packet is a stall, as TCP sends it again after its time-out.
#ifndef SMT_RELAY_LINK_LINK_IMPAIR_H_
#define SMT_RELAY_LINK_LINK_IMPAIR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "relay/link/wrapped_link.h"

namespace smt::relay {

// The impairment of each direction by itself; all peers of a link share it, as they would share a cable.
struct Impairment {
  int64_t delay_ns = 0;     // one way
  int64_t jitter_ns = 0;    // each message's delay is off by so much at most, either way
  double loss = 0;          // of packets (1,400 bytes), 0 to 1: nothing passes for max(200 ms, 2 x delay)
  uint64_t bits_per_s = 0;  // one message after the other; 0: no limit
  uint64_t seed = 1;        // of what is random
};

class ImpairedLink : public WrappedLink {
 public:
  // What a direction holds back at most, so that memory is bounded: then send() answers kFull, and what has
  // arrived waits in the socket.
  static constexpr size_t kMaxBytes = 4 << 20;
  static constexpr size_t kMaxMessages = 10'000;

  // `now` tells BOOTTIME.
  ImpairedLink(std::unique_ptr<Link> link, const Impairment& impairment, std::function<int64_t()> now);

  bool receive(Incoming* in) override;
  // kOk: it is held back, and goes when its time has come and the link below takes it.
  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override;
  // What is held back is lost with the connection.
  void redial() override;
  bool readable() override;
  int64_t due_ns() const override;

 private:
  struct Held {
    int64_t due_ns;
    PeerId peer;
    std::string header;
    Frame payload;
    bool malformed = false;
    std::string cut = {}, key = {};  // see Incoming
    size_t bytes() const { return header.size() + payload.bytes.size(); }
  };
  struct Direction {
    std::deque<Held> held;  // passes from its front only, whatever is due behind it
    size_t bytes = 0;
    int64_t idle_ns = 0;  // when the bottleneck has passed what came before
    bool full() const { return bytes >= kMaxBytes || held.size() >= kMaxMessages; }
    Held take();
  };
  void hold(Direction* d, Held message);
  void pass();

  const Impairment impairment_;
  const std::function<int64_t()> now_;
  std::mt19937_64 random_;
  Direction out_, in_;
  int64_t again_ns_ = 0;   // the link below did not take the first of out_: when to try again
  std::set<PeerId> gone_;  // of the link below; nobody has been told
  Held here_{};            // what receive() gave last
};

}  // namespace smt::relay

#endif  // SMT_RELAY_LINK_LINK_IMPAIR_H_
