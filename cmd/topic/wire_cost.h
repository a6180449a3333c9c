// The bytes that a relay sends for a sample of a topic.
#ifndef SMT_CMD_TOPIC_WIRE_COST_H_
#define SMT_CMD_TOPIC_WIRE_COST_H_

#include <cstdint>

namespace smt::cmd {

// Bytes of ZMTP frames that hold the sample: neither compressed nor encrypted, without TCP and IP. Numbers
// that take more or fewer bytes as they grow (sequence, stamp, age) are those of a topic that has run for a
// day.
struct WireCost {
  uint64_t alone = 0;   // in a message of its own, as a slow topic's
  uint64_t beside = 0;  // in a message with many others, as a fast topic's
};

// `variable`: values of that topic differ in size, and this one has `value_bytes`.
WireCost wire_cost_of(uint64_t value_bytes, bool variable);

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_WIRE_COST_H_
