// The classes of packets that routers and radios know (DSCP): numbers from 0 to 63, some of which have names.
#ifndef SMT_RELAY_RULES_DSCP_H_
#define SMT_RELAY_RULES_DSCP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "shm/status.h"

namespace smt::relay {

inline constexpr uint8_t kMaxDscp = 63;

// Of "ef" (RFC 3246), "cs0" to "cs7" (2474), "af11" to "af43" (2597), "va" (5865) or "le" (8622). kInvalid.
Result<uint8_t> dscp_of(std::string_view name);
// "" where it has none.
std::string_view dscp_name(uint8_t dscp);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_DSCP_H_
