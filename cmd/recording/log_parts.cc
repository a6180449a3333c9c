#include "cmd/recording/log_parts.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "cmd/text/regular_file.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

// Within which a file of either format has the id of its recording, as text.
constexpr size_t kIdWithin = 64 << 10;
constexpr size_t kIdDigits = 32;

struct PartFile {
  std::string path;
  uint64_t number = 0;
  std::optional<uint64_t> next;
  bool complete = false;
};

using FileId = std::pair<dev_t, ino_t>;

// Nothing: no regular file, or none that may be read.
std::optional<FileId> file_id(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
  return FileId(file.st_dev, file.st_ino);
}

// Most files are of other recordings: they are not worth opening.
bool may_hold(const std::string& path, const std::string& id) {
  const Result<std::string> begin = read_regular_file(path, kIdWithin);
  return begin.ok() && begin->find(id) != std::string::npos;
}

// Files with the ending of `path` in its folder, and in the folder of what it is a link to.
std::vector<std::string> candidates(const std::string& path) {
  std::error_code error;
  const fs::path given(path), target = fs::canonical(given, error);
  std::set<std::string> folders = {given.parent_path().string()};
  if (!error && fs::is_symlink(fs::symlink_status(given, error)))
    folders.insert(target.parent_path().string());
  std::vector<std::string> files;
  for (const std::string& folder : folders) {
    fs::directory_iterator it(folder.empty() ? "." : folder, error);
    for (const fs::directory_iterator end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == given.extension()) {
        files.push_back((fs::path(folder) / it->path().filename()).string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Of two files that are the same part the one that was asked for counts, else the complete one, else the
// first by name.
void add_part(const PartFile& file, const std::string& asked_for, const LogSink& log,
              std::map<uint64_t, PartFile>* parts) {
  const auto [known, added] = parts->emplace(file.number, file);
  PartFile& first = known->second;
  if (added || first.path == asked_for) return;
  const bool better = file.complete && !first.complete;
  const std::string other = better ? std::exchange(first, file).path : file.path;
  log.warn(fmt::format("part {} of the recording is there twice: {} is read, {} is not", file.number,
                       first.path, other));
}

std::map<uint64_t, PartFile> find_parts(const std::string& path, const LogReader& one,
                                        const LogParts::Open& open, const LogSink& log) {
  const LogPart part = one.part();
  std::map<uint64_t, PartFile> parts = {{part.number, {path, part.number, part.next, one.complete()}}};
  std::set<FileId> seen;
  if (const auto id = file_id(path)) seen.insert(*id);
  for (const std::string& file : candidates(path)) {
    const std::optional<FileId> id = file_id(file);
    if (!id || !seen.insert(*id).second || !may_hold(file, part.recording)) continue;
    const Result<std::unique_ptr<LogReader>> reader = open(file);
    if (!reader.ok()) log.warn(reader.status().message());
    if (!reader.ok() || (*reader)->part().recording != part.recording) continue;
    const LogPart other = (*reader)->part();
    add_part({file, other.number, other.next, (*reader)->complete()}, path, log, &parts);
  }
  return parts;
}

// "part 1", "parts 1, 3 to 5" of those that are not there; "" if all are.
std::string missing_text(const std::map<uint64_t, PartFile>& parts, uint64_t* count) {
  std::vector<std::string> ranges;
  const auto gap = [&](uint64_t begin, uint64_t end) {
    if (begin >= end) return;
    *count += end - begin;
    ranges.push_back(end - begin == 1 ? std::to_string(begin) : fmt::format("{} to {}", begin, end - 1));
  };
  uint64_t expected = 0;
  for (const auto& [number, file] : parts) {
    gap(expected, number);
    expected = number + 1;
  }
  if (const auto& next = parts.rbegin()->second.next) gap(expected, *next + 1);
  if (ranges.empty()) return "";
  return fmt::format("part{} {}", *count == 1 ? "" : "s", fmt::join(ranges, ", "));
}

}  // namespace

Result<std::unique_ptr<LogReader>> LogParts::open(const std::string& path, std::unique_ptr<LogReader> one,
                                                  const Open& open, const LogSink& log) {
  const std::string id = one->part().recording;
  const bool good = id.size() == kIdDigits && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!good) return one;
  const std::map<uint64_t, PartFile> parts = find_parts(path, *one, open, log);
  auto* reader = new LogParts(open);
  std::unique_ptr<LogReader> owned(reader);
  reader->told_missing_ = missing_text(parts, &reader->missing_);
  if (parts.size() == 1 && reader->missing_ == 0) return one;
  one.reset();
  reader->recording_ = id;
  for (const auto& [number, file] : parts) {
    reader->files_.push_back(file.path);
    reader->complete_ = reader->complete_ && file.complete;
    const Result<std::unique_ptr<LogReader>> opened = open(file.path);
    if (!opened.ok()) return opened.status();
    for (const LogTopic* topic : (*opened)->topics()) reader->merge(*topic);
  }
  return owned;
}

const LogTopic* LogParts::merge(const LogTopic& topic) {
  std::unique_ptr<LogTopic>& known = topics_[{topic.name, topic.schema.text()}];
  if (known == nullptr) known = std::make_unique<LogTopic>(topic);
  return known.get();
}

std::vector<const LogTopic*> LogParts::topics() const {
  std::vector<const LogTopic*> topics;
  for (const auto& [key, topic] : topics_) topics.push_back(topic.get());
  return topics;
}

bool LogParts::open_next() {
  const std::string& path = files_[next_file_++];
  Result<std::unique_ptr<LogReader>> opened = open_(path);
  if (opened.ok()) {
    reader_ = std::move(*opened);
    return true;
  }
  ++lost_;
  if (problems_.size() < kToldProblems) problems_.push_back(opened.status().message());
  return false;
}

void LogParts::close() {
  topics_left_out_ += reader_->topics_left_out();
  samples_left_out_ += reader_->samples_left_out();
  bytes_left_out_ += reader_->bytes_left_out();
  records_beside_ += reader_->records_beside();
  for (const std::string& problem : reader_->problems()) {
    if (problems_.size() < kToldProblems) problems_.push_back(files_[next_file_ - 1] + ": " + problem);
  }
  reader_.reset();
  merged_.clear();
}

// The value with which a part begins is in the part before it; if that part is not there, or has lost it, it
// is a sample that was received by then.
bool LogParts::is_new(LogSample* sample) {
  const Last now{sample->sequence, sample->stamp_ns};
  const auto [last, first] = last_.try_emplace(sample->topic->name, now);
  if (first) return true;
  if (sample->initial && last->second == now) return false;
  sample->initial = false;
  last->second = now;
  return true;
}

bool LogParts::next(LogSample* sample) {
  for (;;) {
    if (reader_ && reader_->next(sample)) {
      const LogTopic*& topic = merged_[sample->topic];
      if (topic == nullptr) topic = merge(*sample->topic);
      sample->topic = topic;
      if (!is_new(sample)) continue;
      return true;
    }
    if (reader_) close();
    if (next_file_ == files_.size()) return false;
    (void)open_next();
  }
}

void LogParts::rewind() {
  reader_.reset();
  merged_.clear();
  last_.clear();
  next_file_ = 0;
  topics_left_out_ = samples_left_out_ = bytes_left_out_ = records_beside_ = lost_ = 0;
  problems_.clear();
}

double LogParts::progress() const {
  const double read = static_cast<double>(next_file_) - (reader_ ? 1 - reader_->progress() : 0);
  return read / static_cast<double>(files_.size());
}

std::vector<std::string> LogParts::problems() const {
  std::vector<std::string> all;
  if (!told_missing_.empty()) {
    all.push_back(fmt::format("{} of the recording {} {} not in its folder", told_missing_, recording_,
                              missing_ == 1 ? "is" : "are"));
  }
  all.insert(all.end(), problems_.begin(), problems_.end());
  if (!reader_) return all;
  for (const std::string& problem : reader_->problems())
    all.push_back(files_[next_file_ - 1] + ": " + problem);
  return all;
}

}  // namespace smt::cmd
