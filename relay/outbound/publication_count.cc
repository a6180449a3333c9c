#include "relay/outbound/publication_count.h"

#include <algorithm>
#include <utility>

namespace smt::relay {

// The publications up to `sequence` have had their turn: `told` of them are counted elsewhere, the others
// were passed over. False: they had it before.
bool PublicationCount::account(uint64_t sequence, uint64_t told, bool thinned, OutboundCounters* out) {
  if (sequence == accounted_) return false;
  OutboundCounters& counters = *out;
  const uint64_t since = accounted_ != 0 && sequence > accounted_ ? sequence - accounted_ : told;
  counters.publications += std::max(since, told);
  (thinned ? counters.passed_over_by_rate : counters.superseded) += since > told ? since - told : 0;
  accounted_ = sequence;
  passed_as_ = nullptr;
  return true;
}

void PublicationCount::pass_over(uint64_t sequence, uint64_t OutboundCounters::*reason, bool thinned,
                                 OutboundCounters* counters) {
  if (!account(sequence, 1, thinned, counters)) return;
  ++(counters->*reason);
  passed_as_ = reason;
}

void PublicationCount::take_turn(uint64_t sequence, uint64_t told, bool thinned, OutboundCounters* out) {
  if (account(sequence, told, thinned, out)) return;
  OutboundCounters& counters = *out;
  counters.publications += told;  // said again
  if (uint64_t OutboundCounters::*passed = std::exchange(passed_as_, nullptr)) {
    --(counters.*passed);  // or for the first time, as its heartbeat is due, or somebody asks for it
    --counters.publications;
  }
}

}  // namespace smt::relay
