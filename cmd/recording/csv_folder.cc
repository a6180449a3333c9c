#include "cmd/recording/csv_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "cmd/recording/csv_initial.h"
#include "cmd/text/text.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

// On a file system that keeps no attributes, macOS writes those of NAME into a file "._NAME".
bool is_apple_double(const fs::path& path) {
  if (!path.filename().native().starts_with("._")) return false;
  std::array<char, 4> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  return magic == std::array<char, 4>{0, 5, 0x16, 7};
}

// The CSV files of a folder and those in it, by name, which is relative to it.
Result<std::vector<std::string>> csv_files(const std::string& folder, const LogSink& log) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string& name = it->path().native();
    if (!has_extension(name, ".csv") && !has_extension(name, ".tsv")) continue;
    std::error_code gone;  // a symbolic link to nothing is told of when it is opened
    const fs::file_type type = it->status(gone).type();
    if (type != fs::file_type::regular && type != fs::file_type::not_found) continue;
    if (is_apple_double(it->path())) {
      log.debug(name + ": attributes of macOS, no recording");
    } else {
      files.push_back(it->path().lexically_relative(folder).string());
    }
  }
  if (error) return Status::from_errno("cannot read " + folder, error.value());
  if (files.empty()) return {Code::kInvalid, "no file NAME.csv in " + folder};
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Status CsvFolder::add(const std::string& folder, const std::string& name, const CsvOptions& options,
                      const LogSink& log) {
  const std::string path = fs::path(folder) / name, topic = name_from_file(name).topic;
  if (Status s = check_topic_name(topic); !s.ok()) {
    return Status(Code::kInvalid, path + ": " + s.message() + "; rename the file");
  }
  if (const auto other = files_.find(topic); other != files_.end()) {
    return Status(Code::kInvalid, fmt::format("{}: it is the topic {}, as {} is; rename one of the files",
                                              path, topic, (fs::path(folder) / other->second).string()));
  }
  Result<CsvFile> file = CsvFile::open(folder, name, options, log);
  if (!file.ok()) return file.status();
  files_.emplace(topic, name);
  LogTopic log_topic{topic, file->layout().schema, "", "", ""};
  const auto initial = initial_.find(topic);
  const auto initial_ns = initial == initial_.end() ? std::nullopt : std::optional(initial->second);
  tracks_.push_back(std::make_unique<Track>(Track{std::move(log_topic), std::move(*file), initial_ns}));
  enqueue(tracks_.size() - 1);
  return Status();
}

Result<std::unique_ptr<LogReader>> CsvFolder::open(const std::string& path, const CsvOptions& options,
                                                   const LogSink& log) {
  Result<std::vector<std::string>> files = csv_files(path, log);
  if (!files.ok()) return files.status();
  auto* reader = new CsvFolder();
  std::unique_ptr<LogReader> owned(reader);
  reader->initial_ = read_csv_initial(path, log);
  for (const std::string& name : *files) {
    const Status s = reader->add(path, name, options, log);
    if (s.ok()) continue;
    log.warn(s.message() + "; file left out");
    ++reader->files_left_out_;
  }
  if (reader->tracks_.empty()) return {Code::kInvalid, "no usable CSV file in " + path};
  return owned;
}

Result<std::unique_ptr<LogReader>> CsvFolder::open_file(const std::string& path, const CsvOptions& options,
                                                        const LogSink& log) {
  const fs::path file(path);
  auto* reader = new CsvFolder();
  std::unique_ptr<LogReader> owned(reader);
  if (Status s = reader->add(file.parent_path(), file.filename(), options, log); !s.ok()) return s;
  return owned;
}

std::vector<const LogTopic*> CsvFolder::topics() const {
  std::vector<const LogTopic*> topics;
  for (const auto& track : tracks_) topics.push_back(&track->topic);
  return topics;
}

void CsvFolder::enqueue(size_t index) {
  Track& track = *tracks_[index];
  if (!track.file.next()) return;
  due_.emplace(track.row == 0 ? track.initial_ns.value_or(track.file.time_ns()) : track.file.time_ns(),
               index);
}

bool CsvFolder::next(LogSample* sample) {
  if (taken_ < tracks_.size()) enqueue(taken_);
  taken_ = tracks_.size();
  if (due_.empty()) return false;
  const auto [ns, index] = due_.top();
  due_.pop();
  taken_ = index;
  Track& track = *tracks_[index];
  const bool initial = track.row == 0 && track.initial_ns;
  *sample = {&track.topic, ++track.row, track.file.time_ns(), ns, 0, track.file.value(), initial};
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
