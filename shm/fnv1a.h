// FNV-1a, 64 bits: a hash of text that is the same on every machine and in every release. Internal to libsmt
// and the tools.
#ifndef SMT_SHM_FNV1A_H_
#define SMT_SHM_FNV1A_H_

#include <cstdint>
#include <string_view>

namespace smt {

constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace smt

#endif  // SMT_SHM_FNV1A_H_
