// Text of files and of outputs.
#ifndef SMT_TESTS_TEXT_H_
#define SMT_TESTS_TEXT_H_

#include <cstddef>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace smt {

inline std::span<const std::byte> byte_view(std::string_view text) { return std::as_bytes(std::span(text)); }

// Throws for a file that cannot be opened.
inline std::string contents(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  if (!in.good()) throw std::runtime_error("cannot open " + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace smt

#endif  // SMT_TESTS_TEXT_H_
