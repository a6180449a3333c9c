// A recorded flight, read by a conversion of its own (C library, struct layout by hand), to compare with.
#ifndef SMT_TESTS_TOOLS_RECORDING_H_
#define SMT_TESTS_TOOLS_RECORDING_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace smt::tools {

struct RecordedRow {
  int64_t stamp_ns;
  std::vector<std::byte> bytes;
};
using Recording = std::map<std::string, std::vector<RecordedRow>>;  // by topic

// Of a folder of CSV files.
Recording load_recording(const std::filesystem::path& folder);
size_t count_rows(const Recording& recording);

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_RECORDING_H_
