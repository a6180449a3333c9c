// The state of one topic for one peer: what the peer knows and has of it, and how the rest is to be sent.
#ifndef SMT_RELAY_OUTBOUND_TOPIC_STATE_H_
#define SMT_RELAY_OUTBOUND_TOPIC_STATE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "relay/outbound/publication_count.h"
#include "relay/outbound/rate_limiter.h"
#include "relay/rules/rules.h"

namespace smt::relay {

// The announcement of the topic's id that the peer has had.
enum class Announcement : uint8_t {
  kNone,      // nothing, or that the topic is gone
  kOutdated,  // a description that holds no more: the topic is announced again before its next sample
  kCurrent,
};

// Where a value too large for a batch is; while it is somewhere no other sample of the topic is sent.
enum class LargeValue : uint8_t {
  kNone,
  kQueued,      // in line: what is newest when its turn comes is sent
  kUnderWay,    // sent in pieces, which a newer sample does not interrupt
  kSuperseded,  // the same, and there is a newer sample already
};

inline constexpr Pacing kNoPacing{};

struct TopicState {
  bool wanted = false;  // by the peer, which may read it
  bool force = false;   // send the newest sample even if the peer has it: a request asks for it
  bool torn = false;    // the first pieces of a value given up have left: the next one begins as pieces too
  bool thins = false;   // as thins(pacing())
  Announcement announcement = Announcement::kNone;
  LargeValue large = LargeValue::kNone;
  uint8_t resumes_due = 0;  // with `every`: announced so often, and not answered yet by a Resume
  bool every = false;       // as pacing() says
  uint32_t queue = 0;       // of SendQueues
  uint64_t sequence = 0;    // sent last since it was announced; 0: none
  uint64_t after = 0;       // with `every`: samples after this are to come
  std::shared_ptr<const Pacing> shared_pacing;  // with many topics; null: see pacing()
  PublicationCount count;
  RateLimiter limiter;

  const Pacing& pacing() const { return shared_pacing != nullptr ? *shared_pacing : kNoPacing; }
  void set_pacing(std::shared_ptr<const Pacing> decided) {
    every = decided->every;
    limiter.set(decided->period_ns, decided->tick);
    shared_pacing = std::move(decided);
  }
  // Each sample is sent, in order.
  bool is_in_order() const { return every && wanted; }
  bool is_announced() const { return announcement == Announcement::kCurrent; }
  bool is_known() const { return announcement != Announcement::kNone; }
  bool has_large() const { return large != LargeValue::kNone; }
  // A sample is asked whether it is to go.
  bool is_asked() const { return pacing().one_of != 1 || pacing().on_change; }
  // The pacing alone says which samples go when its time has come: the peer has had one since the
  // announcement, and nothing of it is under way.
  bool is_plain() const {
    return wanted && is_announced() && !force && !torn && !has_large() && sequence != 0 &&
           count.stands_at(sequence) && (!every || (after == sequence && resumes_due == 0));
  }

  // From its announcement on, as if nothing of it had been sent.
  void restart() {
    if (is_announced()) announcement = Announcement::kOutdated;
    sequence = after = 0;
  }
  // An announcement has left; `asks`: for a Resume.
  void on_announced(bool asks) {
    announcement = Announcement::kCurrent;
    sequence = after = 0;
    torn = false;
    resumes_due = static_cast<uint8_t>(resumes_due + asks);
  }
  // The peer is to have nothing of the topic any more. Its Resumes come yet, whatever the id names then.
  void forget() {
    const uint8_t due = resumes_due;
    *this = TopicState();
    resumes_due = due;
  }
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_TOPIC_STATE_H_
