// Protocol Buffers' bytes changed field by field, so that what comes out is a message again.
#ifndef SMT_TESTS_FUZZ_WIRE_H_
#define SMT_TESTS_FUZZ_WIRE_H_

#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"

namespace smt::fuzz {

// One field of the message, or of one inside it, is another one, is gone, stands twice or elsewhere, or is
// new. What is no message is changed byte by byte. At most `most` bytes.
std::string mutate_message(std::string_view message, size_t max, Random& random);

// Any bytes, changed by libFuzzer; at most `most`.
std::string mutate_bytes(std::string_view bytes, size_t max);

}  // namespace smt::fuzz

#endif  // SMT_TESTS_FUZZ_WIRE_H_
