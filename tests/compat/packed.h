// Files of tests/compat/VERSION: what a release has left, packed by gzip.
#ifndef SMT_TESTS_COMPAT_PACKED_H_
#define SMT_TESTS_COMPAT_PACKED_H_

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/paths.h"

namespace smt::compat {

// Throws for a file that cannot be read whole.
inline std::string unpacked(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  std::string out;
  char piece[1 << 16];
  int bytes = -1;
  while (file != nullptr && (bytes = gzread(file, piece, sizeof piece)) > 0)
    out.append(piece, static_cast<size_t>(bytes));
  if (file != nullptr && gzclose(file) != Z_OK) bytes = -1;
  if (bytes < 0) throw std::runtime_error("cannot read " + path);
  return out;
}

// The same bytes of the same content.
inline void pack(const std::string& path, const std::string& content) {
  const gzFile file = gzopen(path.c_str(), "wb9");
  const bool whole =
      file != nullptr && gzwrite(file, content.data(), static_cast<unsigned>(content.size())) ==
                             static_cast<int>(content.size());
  if (file == nullptr || gzclose(file) != Z_OK || !whole) throw std::runtime_error("cannot write " + path);
}

// The folder that a release is recorded in: the one that tests/compat/make.sh names, else `otherwise`.
inline std::string folder_to_fill(const std::string& otherwise) {
  const char* folder = getenv("SMT_COMPAT_FILL");
  return folder != nullptr ? folder : otherwise;
}

// The files tests/compat/VERSION/FOLDER/* of all releases, sorted.
inline std::vector<std::string> files_of_releases(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& release : std::filesystem::directory_iterator(source_path("tests/compat"))) {
    if (!release.is_directory()) continue;
    for (const auto& file : std::filesystem::directory_iterator(release.path() / folder))
      out.push_back(file.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace smt::compat

#endif  // SMT_TESTS_COMPAT_PACKED_H_
