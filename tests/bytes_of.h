// The bytes of a value as memory has them, and of a text.
#ifndef SMT_TESTS_BYTES_OF_H_
#define SMT_TESTS_BYTES_OF_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace smt {

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}
inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace smt

#endif  // SMT_TESTS_BYTES_OF_H_
