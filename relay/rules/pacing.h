// Several rules about one topic, as one.
#ifndef SMT_RELAY_RULES_PACING_H_
#define SMT_RELAY_RULES_PACING_H_

#include "relay/rules/rules.h"

namespace smt::relay {

// The pacing of a topic when one side allows `allowed` and the other wishes for `requested`: the
// intersection. A priority that the sender states counts.
Pacing less_of(const Pacing& allowed, const Pacing& requested);
// The pacing that must arrive so that each of two receivers can be given what it wishes for.
Pacing more_of(const Pacing& a, const Pacing& b);

// Samples are passed over, beside those that are older than the newest.
bool thins(const Pacing& p);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_PACING_H_
