// What the fuzzers of promise S5 have in common: what must hold, the row at the end, random choices.
#ifndef SMT_TESTS_FUZZ_FUZZER_H_
#define SMT_TESTS_FUZZ_FUZZER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace smt::fuzz {

// Counts one execution of LLVMFuzzerTestOneInput. The row of the promise is printed when the process ends.
void executed();

// Ends the process with a row that has a violation unless `holds`; libFuzzer keeps the input.
void expect(bool holds, std::string_view what);

// Small and quick to make, since each mutation makes one.
class Random {
 public:
  explicit Random(unsigned int seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  // REQUIRES: limit > 0
  uint64_t below(uint64_t limit) { return next() % limit; }
  // A limit, a power of two, one beside it, or anything.
  uint64_t interesting();

 private:
  uint64_t state_;
};

}  // namespace smt::fuzz

#endif  // SMT_TESTS_FUZZ_FUZZER_H_
