#include "tests/tools/recording.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace smt::tools {
namespace fs = std::filesystem;
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void append(T value, Bytes* bytes) {
  bytes->resize((bytes->size() + sizeof value - 1) / sizeof value * sizeof value);
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  bytes->insert(bytes->end(), from, from + sizeof value);
}

size_t append_cell(const std::string& type, const char* cell, Bytes* bytes) {
  if (type == "bool") return append<uint8_t>(atoi(cell) != 0, bytes), 1;
  if (type == "int8_t" || type == "uint8_t") return append(static_cast<uint8_t>(atoi(cell)), bytes), 1;
  if (type == "int16_t" || type == "uint16_t") return append(static_cast<uint16_t>(atoi(cell)), bytes), 2;
  if (type == "int32_t" || type == "uint32_t") return append(static_cast<uint32_t>(atoll(cell)), bytes), 4;
  if (type == "int64_t") return append<int64_t>(strtoll(cell, nullptr, 10), bytes), 8;
  if (type == "uint64_t") return append<uint64_t>(strtoull(cell, nullptr, 10), bytes), 8;
  if (type == "float") return append(strtof(cell, nullptr), bytes), 4;
  EXPECT_EQ(type, "double");
  return append(strtod(cell, nullptr), bytes), 8;
}

std::vector<std::string> split_cells(std::string line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  std::vector<std::string> cells;
  std::stringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

}  // namespace

Recording load_recording(const fs::path& folder) {
  Recording recording;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string topic = entry.path().stem().string();
    topic.replace(topic.rfind('.'), 1, "/");
    std::ifstream in(entry.path());
    std::string line;
    std::getline(in, line);
    const std::vector<std::string> names = split_cells(line);
    const size_t time = std::find(names.begin(), names.end(), "timestamp") - names.begin();
    std::getline(in, line);
    const std::vector<std::string> types = split_cells(line);
    while (std::getline(in, line)) {
      const std::vector<std::string> cells = split_cells(line);
      EXPECT_EQ(cells.size(), types.size()) << topic;
      RecordedRow row{strtoll(cells[time].c_str(), nullptr, 10) * 1000, {}};
      size_t widest = 1;
      for (size_t i = 0; i < cells.size(); ++i) {
        widest = std::max(widest, append_cell(types[i], cells[i].c_str(), &row.bytes));
      }
      row.bytes.resize((row.bytes.size() + widest - 1) / widest * widest);
      recording[topic].push_back(std::move(row));
    }
  }
  return recording;
}

size_t count_rows(const Recording& recording) {
  size_t rows = 0;
  for (const auto& [topic, all] : recording) rows += all.size();
  return rows;
}

}  // namespace smt::tools
