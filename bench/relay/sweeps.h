// The loads of which one property grows from one point to the next, all others fixed.
#ifndef SMT_BENCH_RELAY_SWEEPS_H_
#define SMT_BENCH_RELAY_SWEEPS_H_

#include <string>
#include <vector>

#include "bench/relay/questions.h"

namespace smt::bench {

// The axes that sweep() knows.
inline constexpr const char* kAxes[] = {"topics", "size", "subscribers", "hops", "changed share"};

// A question for each point of `axis`. `few`: the ends alone, to see that they work.
std::vector<Question> sweep(const std::string& axis, bool few, const std::string& bin);

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_SWEEPS_H_
