// How the nodes of a relay are called in a domain: a prefix, then the relay's name.
#ifndef SMT_RELAY_STORE_NODE_NAMES_H_
#define SMT_RELAY_STORE_NODE_NAMES_H_

#include <string_view>

namespace smt::relay {

// Of the node that mirrors topics of other hosts, and of the one that holds what peers set.
inline constexpr std::string_view kMirrorPrefix = "mirror-", kWritePrefix = "set-";

}  // namespace smt::relay

#endif  // SMT_RELAY_STORE_NODE_NAMES_H_
