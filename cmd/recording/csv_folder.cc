#include "cmd/recording/csv_folder.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "shm/domain.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

// The CSV files of a folder and those in it, by name, which is relative to it.
Result<std::vector<std::string>> csv_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".csv" && it->is_regular_file(error)) {
      files.push_back(it->path().lexically_relative(folder).string());
    }
  }
  if (error) return Status::from_errno("cannot read " + folder, error.value());
  if (files.empty()) return {Code::kInvalid, "no file NAME.csv in " + folder};
  std::sort(files.begin(), files.end());
  return files;
}

int64_t nanoseconds(int64_t us) {
  int64_t ns;
  if (!__builtin_mul_overflow(us, int64_t{1000}, &ns)) return ns;
  return us < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace

Result<std::unique_ptr<LogReader>> CsvFolder::open(const std::string& folder, const LogSink& log) {
  Result<std::vector<std::string>> files = csv_files(folder);
  if (!files.ok()) return files.status();
  auto* reader = new CsvFolder();
  std::unique_ptr<LogReader> owned(reader);
  for (const std::string& name : *files) {
    Result<CsvFile> file = CsvFile::open(folder, name, log);
    const Status named = file.ok() ? check_topic_name(file->name().topic) : file.status();
    if (!named.ok()) {
      log.warn(named.message() + "; file left out");
      ++reader->files_left_out_;
      continue;
    }
    LogTopic topic{file->name().topic, file->layout().schema, "", "", ""};
    reader->tracks_.push_back(std::make_unique<Track>(Track{std::move(topic), std::move(*file)}));
  }
  if (reader->tracks_.empty()) return {Code::kInvalid, "no usable CSV file in " + folder};
  for (size_t i = 0; i < reader->tracks_.size(); ++i) reader->enqueue(i);
  return owned;
}

std::vector<const LogTopic*> CsvFolder::topics() const {
  std::vector<const LogTopic*> topics;
  for (const auto& track : tracks_) topics.push_back(&track->topic);
  return topics;
}

void CsvFolder::enqueue(size_t index) {
  if (tracks_[index]->file.next()) due_.emplace(tracks_[index]->file.timestamp_us(), index);
}

bool CsvFolder::next(LogSample* sample) {
  if (taken_ < tracks_.size()) enqueue(taken_);
  taken_ = tracks_.size();
  if (due_.empty()) return false;
  const auto [us, index] = due_.top();
  due_.pop();
  taken_ = index;
  Track& track = *tracks_[index];
  const int64_t ns = nanoseconds(us);
  *sample = {&track.topic, ++track.row, ns, ns, 0, track.file.value()};
  return true;
}

void CsvFolder::rewind() {
  due_ = {};
  taken_ = tracks_.size();
  for (size_t i = 0; i < tracks_.size(); ++i) {
    tracks_[i]->file.rewind();
    tracks_[i]->row = 0;
    enqueue(i);
  }
}

double CsvFolder::progress() const {
  uint64_t read = 0, bytes = 1;
  for (const auto& track : tracks_) {
    read += track->file.bytes_read();
    bytes += track->file.bytes();
  }
  return static_cast<double>(read) / static_cast<double>(bytes);
}

uint64_t CsvFolder::samples_left_out() const {
  uint64_t rows = 0;
  for (const auto& track : tracks_) rows += track->file.skipped();
  return rows;
}

}  // namespace smt::cmd
