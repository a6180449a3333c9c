// --impair: how a bad network is described on the command line.
#ifndef SMT_CMD_RELAYS_IMPAIR_H_
#define SMT_CMD_RELAYS_IMPAIR_H_

#include <string>
#include <string_view>

#include "relay/link/link_impair.h"
#include "shm/status.h"

namespace smt::cmd {

// "delay=80ms,jitter=20ms,loss=2%,rate=2mbit,seed=7": parts in any order, each once at most, one at least.
// kInvalid names the part and what it should look like.
Result<relay::Impairment> parse_impairment(std::string_view text);

// The same in words: "delay 80 ms +- 20 ms, loss 2 %, 2 Mbit/s".
std::string impairment_text(const relay::Impairment& impairment);

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_IMPAIR_H_
