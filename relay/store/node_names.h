// How the nodes of a relay are called in a domain: a prefix, then the relay's name, or the number of a mirror
// whose relay has no name.
#ifndef SMT_RELAY_STORE_NODE_NAMES_H_
#define SMT_RELAY_STORE_NODE_NAMES_H_

#include <string_view>

namespace smt::relay {

// Prefixes of the names of two nodes: the one that mirrors other hosts' topics, and the one that holds values
// set by peers.
inline constexpr std::string_view kMirrorPrefix = "mirror-", kWritePrefix = "set-";

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_NODE_NAMES_H_
