// The machine that a bench runs on, as far as its figures depend on it.
#ifndef SMT_BENCH_MACHINE_H_
#define SMT_BENCH_MACHINE_H_

#include <string>
#include <utility>
#include <vector>

namespace smt::bench {

// Names and values: processor, cores, memory, kernel, system, compiler. "": unknown.
std::vector<std::pair<std::string, std::string>> machine();

}  // namespace smt::bench

#endif  // SMT_BENCH_MACHINE_H_
