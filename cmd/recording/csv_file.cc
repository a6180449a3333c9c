#include "cmd/recording/csv_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

namespace smt::cmd {
namespace {

constexpr uint64_t kToldRows = 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool Blank(std::string_view row) { return row.find_first_not_of(" \t\r") == row.npos; }

}  // namespace

bool CsvFile::Line(std::string* line) {
  if (!std::getline(in_, *line)) return false;
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
  if (!file.in_) return Status::FromErrno("cannot read " + path, errno);
  std::error_code ignored;
  file.bytes_ = std::filesystem::file_size(path, ignored);
  file.name_ = NameFromFile(name);
  std::string names, types;
  if (!file.Line(&names) || !file.Line(&types)) {
    return {Code::kInvalid, path + ": has no header; row 1 is column names, row 2 their C types"};
  }
  std::string_view names_row = names;
  if (names_row.starts_with(kByteOrderMark)) names_row.remove_prefix(kByteOrderMark.size());
  Result<CsvLayout> layout = ParseHeader(names_row, types, file.name_.type);
  if (!layout.ok()) return {Code::kInvalid, path + ": " + layout.status().message()};
  file.layout_ = std::move(*layout);
  return file;
}

bool CsvFile::next() {
  while (Line(&row_)) {
    if (Blank(row_)) continue;
    const Status parsed = ParseRow(layout_, row_, &value_, &timestamp_us_);
    if (parsed.ok()) return true;
    if (first_pass_) Skip(parsed);
  }
  return false;
}

void CsvFile::Skip(const Status& why) {
  if (++skipped_ <= kToldRows) log_.warn(fmt::format("{}:{}: {}; row skipped", path_, line_, why.message()));
  if (skipped_ == kToldRows) log_.warn(path_ + ": more broken rows of this file are only counted");
}

void CsvFile::rewind() {
  in_.clear();
  in_.seekg(0);
  first_pass_ = false;
  bytes_read_ = line_ = 0;
  Line(&row_);
  Line(&row_);
}

}  // namespace smt::cmd
