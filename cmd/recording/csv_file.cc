#include "cmd/recording/csv_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "cmd/text/text.h"
#include "cmd/value/csv_guess.h"
#include "cmd/value/csv_head.h"
#include "shm/utf8.h"

namespace smt::cmd {
namespace {

constexpr uint64_t kToldRows = 10;

}  // namespace

// Reads in pieces, so that a file without line ends does not fill the memory.
bool CsvFile::read_line(size_t max_bytes) {
  row_.clear();
  uint64_t taken = 0;
  for (char piece[64 << 10]; !too_long_;) {
    in_.getline(piece, sizeof piece);
    const auto bytes = static_cast<size_t>(in_.gcount());
    const bool more = in_.fail() && !in_.eof() && !in_.bad() && bytes == sizeof piece - 1;
    taken += bytes;
    row_.append(piece, bytes - (in_.good() ? 1 : 0));  // without the line end that was taken
    too_long_ = row_.size() > max_bytes;
    if (!more) break;
    in_.clear();
  }
  if (too_long_ || taken == 0) return false;
  bytes_read_ += taken;
  if (++line_ == 1 && row_.starts_with(kByteOrderMark)) row_.erase(0, kByteOrderMark.size());
  return true;
}

Result<CsvFile> CsvFile::open(const std::string& folder, const std::string& name, const CsvOptions& options,
                              const LogSink& log) {
  const std::string path = std::filesystem::path(folder) / name;
  CsvFile file(log);
  file.path_ = path;
  errno = 0;
  file.in_.open(path, std::ios::binary);
  if (!file.in_) return Status::from_errno("cannot read " + path, errno);
  std::error_code ignored;
  file.bytes_ = std::filesystem::file_size(path, ignored);
  file.name_ = name_from_file(name);
  if (Status s = file.read_layout(options); !s.ok()) return {s.code(), path + ": " + s.message()};
  file.go_to(file.first_row_);
  return file;
}

// Of a file of smtrelay from its first two lines.
Status CsvFile::read_layout(const CsvOptions& options) {
  CsvHead head;
  std::string names;
  while (!head.full() && read_line(kMaxCsvHeadLineBytes)) {
    if (line_ == 1) names = row_;
    if (line_ == 2 && is_type_row(row_)) {
      Result<CsvLayout> layout = parse_header(names, row_, name_.type);
      if (!layout.ok()) return layout.status();
      layout_ = std::move(*layout);
      first_row_ = 3;
      return Status();
    }
    if (Status s = head.add(row_, options); !s.ok()) return s;
  }
  if (too_long_) {
    return Status(Code::kInvalid, fmt::format("line {} has more than {}, so the file is no CSV", line_ + 1,
                                              bytes_text(kMaxCsvHeadLineBytes)));
  }
  if (in_.bad()) return Status(Code::kSystem, "cannot be read");
  if (line_ == 0) return Status(Code::kInvalid, "is empty");
  return guess_layout(head, options);
}

Status CsvFile::guess_layout(const CsvHead& head, const CsvOptions& options) {
  Result<CsvGuess> guess = CsvGuess::begin(head, options);
  if (!guess.ok()) return guess.status();
  first_row_ = guess->first_row();
  go_to(first_row_);
  while (read_line(kMaxCsvLineBytes)) guess->add(row_);
  Result<CsvLayout> layout = guess->finish(name_.type);
  if (!layout.ok()) return layout.status();
  layout_ = std::move(*layout);
  rate_hz_ = options.rate_hz;
  log_.info(path_ + ": " + guess->told());
  return Status();
}

// The line is the one that is read next.
void CsvFile::go_to(uint64_t line) {
  in_.clear();
  in_.seekg(0);
  too_long_ = false;
  bytes_read_ = line_ = rows_ = 0;
  while (line_ + 1 < line && read_line(kMaxCsvLineBytes)) {
  }
}

bool CsvFile::next() {
  while (read_line(kMaxCsvLineBytes)) {
    if (!is_row(layout_.dialect, row_)) continue;
    const Status parsed = parse_row(layout_, row_, &value_, &time_ns_);
    if (!parsed.ok()) {
      skip(parsed.message());
      continue;
    }
    if (rate_hz_ > 0) {
      time_ns_ = static_cast<int64_t>(std::min(static_cast<double>(rows_) * 1e9 / rate_hz_, 9.2e18));
    }
    ++rows_;
    return true;
  }
  if (in_.bad()) skip("the file cannot be read on");
  if (too_long_) {
    ++line_;
    skip(fmt::format("more than {} without the end of a row", bytes_text(kMaxCsvLineBytes)));
  }
  return false;
}

void CsvFile::skip(std::string_view why) {
  if (!first_pass_) return;
  if (++skipped_ <= kToldRows) log_.warn(fmt::format("{}:{}: {}; row skipped", path_, line_, why));
  if (skipped_ == kToldRows) log_.warn(path_ + ": more broken rows of this file are only counted");
}

void CsvFile::rewind() {
  first_pass_ = false;
  go_to(first_row_);
}

}  // namespace smt::cmd
