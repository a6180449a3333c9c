#include "cmd/recording/csv_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

#include "shm/utf8.h"

namespace smt::cmd {
namespace {

constexpr uint64_t kToldRows = 10;
constexpr size_t kMaxRowBytes = 64 << 20;
constexpr const char* kTooLong = "more than 64 MiB without the end of a row";

bool blank(std::string_view row) { return row.find_first_not_of(" \t\r") == row.npos; }

}  // namespace

// Reads in pieces, so that a file without line ends does not fill the memory.
bool CsvFile::read_line(std::string* line) {
  line->clear();
  char piece[64 << 10];
  while (!too_long_) {
    in_.getline(piece, sizeof piece);
    const auto bytes = static_cast<size_t>(in_.gcount());
    const bool whole = in_.good(), last = in_.eof();
    line->append(piece, whole ? bytes - 1 : bytes);
    if (whole || (last && !line->empty())) break;
    if (bytes == 0) return false;
    in_.clear();
    too_long_ = line->size() > kMaxRowBytes;
  }
  if (too_long_) return false;
  ++line_;
  bytes_read_ += line->size() + 1;
  return true;
}

Result<CsvFile> CsvFile::open(const std::string& folder, const std::string& name, const LogSink& log) {
  const std::string path = std::filesystem::path(folder) / name;
  CsvFile file(log);
  file.path_ = path;
  errno = 0;
  file.in_.open(path, std::ios::binary);
  if (!file.in_) return Status::from_errno("cannot read " + path, errno);
  std::error_code ignored;
  file.bytes_ = std::filesystem::file_size(path, ignored);
  file.name_ = name_from_file(name);
  std::string names, types;
  if (!file.read_line(&names) || !file.read_line(&types)) {
    if (file.too_long_) return {Code::kInvalid, path + ": " + kTooLong};
    return {Code::kInvalid, path + ": has no header; row 1 is column names, row 2 their C types"};
  }
  Result<CsvLayout> layout = parse_header(skip_byte_order_mark(names), types, file.name_.type);
  if (!layout.ok()) return {Code::kInvalid, path + ": " + layout.status().message()};
  file.layout_ = std::move(*layout);
  return file;
}

bool CsvFile::next() {
  while (read_line(&row_)) {
    if (blank(row_)) continue;
    const Status parsed = parse_row(layout_, row_, &value_, &timestamp_us_);
    if (parsed.ok()) return true;
    if (first_pass_) skip(parsed);
  }
  if (too_long_ && first_pass_) {
    ++line_;
    skip({Code::kInvalid, kTooLong});
  }
  return false;
}

void CsvFile::skip(const Status& why) {
  if (++skipped_ <= kToldRows) log_.warn(fmt::format("{}:{}: {}; row skipped", path_, line_, why.message()));
  if (skipped_ == kToldRows) log_.warn(path_ + ": more broken rows of this file are only counted");
}

void CsvFile::rewind() {
  in_.clear();
  in_.seekg(0);
  first_pass_ = too_long_ = false;
  bytes_read_ = line_ = 0;
  read_line(&row_);
  read_line(&row_);
}

}  // namespace smt::cmd
