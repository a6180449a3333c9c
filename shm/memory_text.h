// Amounts of memory for people. Internal to libsmt.
#ifndef SMT_SHM_MEMORY_TEXT_H_
#define SMT_SHM_MEMORY_TEXT_H_

#include <cstdint>
#include <string>

namespace smt {

// "64 B", "1.5 KiB", "64.0 MiB"
std::string memory_text(uint64_t bytes);

}  // namespace smt

#endif  // SMT_SHM_MEMORY_TEXT_H_
