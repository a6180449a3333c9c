// Counts each publication of one topic once for one peer: as sent, or as passed over for a reason.
#ifndef SMT_RELAY_OUTBOUND_PUBLICATION_COUNT_H_
#define SMT_RELAY_OUTBOUND_PUBLICATION_COUNT_H_

#include <cstdint>

#include "relay/counters/counters.h"

namespace smt::relay {

// Publications are known by their sequences. Those between two that had their turn were passed over without
// having been looked at: by the rate that the rules allow (`thinned`), or because newer ones came before
// their turn.
class PublicationCount {
 public:
  // The sample `sequence` is not to be sent; `reason` is the counter that says why. Counted the first time
  // only.
  void pass_over(uint64_t sequence, uint64_t OutboundCounters::*reason, bool thinned,
                 OutboundCounters* counters);
  // `told` samples up to `sequence` have had their turn and are counted by their outcome elsewhere. A sample
  // that was passed over before and is sent after all counts as sent alone.
  void take_turn(uint64_t sequence, uint64_t told, bool thinned, OutboundCounters* counters);

  // All publications up to `sequence` and none after it are counted, and that one as sent.
  bool stands_at(uint64_t sequence) const { return accounted_ == sequence && passed_as_ == nullptr; }
  // So they are.
  void stand_at(uint64_t sequence) {
    accounted_ = sequence;
    passed_as_ = nullptr;
  }
  // The sample `sequence` is sent: the publications that it is the last of. The caller counts them, for
  // several topics at once. 0: take_turn() is to tell, nothing has changed.
  uint64_t advance(uint64_t sequence) {
    if (sequence <= accounted_ || accounted_ == 0) return 0;
    const uint64_t since = sequence - accounted_;
    accounted_ = sequence;
    passed_as_ = nullptr;
    return since;
  }

 private:
  bool account(uint64_t sequence, uint64_t told, bool thinned, OutboundCounters* counters);

  uint64_t accounted_ = 0;                           // publications up to this are counted
  uint64_t OutboundCounters::*passed_as_ = nullptr;  // the last of them, which may be sent yet
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_PUBLICATION_COUNT_H_
