// Checks names of domains, nodes, peers and topics.
#ifndef SMT_SHM_NAME_H_
#define SMT_SHM_NAME_H_

#include <string_view>

#include "shm/status.h"

namespace smt {

// Domain, node and peer names: [A-Za-z0-9_-][A-Za-z0-9._-]{0,63}, not ending in ".bell". kInvalid with a
// sentence that begins with `what`, as "node name 'a/b': ...".
Status check_name(std::string_view what, std::string_view name);

// Topic names: UTF-8, 1 to 255 bytes, segments split by '/', none of them empty, no control character, no
// '*'.
Status check_topic_name(std::string_view name);

}  // namespace smt

#endif  // SMT_SHM_NAME_H_
