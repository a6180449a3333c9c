// Whether the numbers of a value are within bounds.
#ifndef SMT_RELAY_WRITES_LIMITS_H_
#define SMT_RELAY_WRITES_LIMITS_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "relay/rules/rules.h"
#include "shm/schema.h"

namespace smt::relay {

// "", or what is wrong: a number below one of `min` or above one of `max`, an array's element by its number;
// a NaN where there is a bound; a bound whose field the schema has not or that is no number; a bound of all
// numbers where there is none. Text and true or false have no bounds. REQUIRES: `value` is of the schema's
// size.
std::string outside_limits(const Schema& schema, std::span<const std::byte> value,
                           const std::vector<Limit>& min, const std::vector<Limit>& max);

}  // namespace smt::relay

#endif  // SMT_RELAY_WRITES_LIMITS_H_
