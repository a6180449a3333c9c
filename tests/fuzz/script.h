// An input of a fuzzer that is a sequence: steps with a message each, changed message by message.
#ifndef SMT_TESTS_FUZZ_SCRIPT_H_
#define SMT_TESTS_FUZZ_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smt::fuzz {

struct Step {
  uint8_t what = 0, how = 0;  // as the fuzzer takes them
  std::string body, payload;  // protobuf, and values; less than 64 KiB each
};
using Script = std::vector<Step>;

// Any bytes are some script of at most `most` steps.
Script read_script(std::span<const uint8_t> bytes, size_t max);

// For LLVMFuzzerCustomMutator: one step is another one, is gone, stands twice or elsewhere, or is one of
// `good`, a script that keeps to all rules; sometimes all of it is. At most `most` steps. With `each` nearly
// all others are other ones too, for a fuzzer whose messages hang little on each other.
size_t mutate_script(uint8_t* data, size_t size, size_t max_size, unsigned int seed, const Script& good,
                     size_t max, bool each = false);

}  // namespace smt::fuzz

#endif  // SMT_TESTS_FUZZ_SCRIPT_H_
