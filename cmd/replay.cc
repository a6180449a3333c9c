#include "cmd/replay.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <queue>

#include "shm/clock.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

// The CSV files of a folder, by name.
Result<std::vector<std::string>> CsvPaths(const std::string& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) {
    return {Code::kInvalid, "no folder " + folder + "; smtreplay plays a folder of CSV files"};
  }
  if (error) return Status::FromErrno("cannot read " + folder, error.value());
  if (!fs::is_directory(status)) {
    return {Code::kInvalid, folder +
                                " is not a CSV directory; smtreplay plays a folder with one "
                                "NAME.INSTANCE.csv for each topic"};
  }
  std::vector<std::string> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".csv" && it->is_regular_file(error)) paths.push_back(it->path().string());
  }
  if (error) return Status::FromErrno("cannot read " + folder, error.value());
  if (paths.empty()) return {Code::kNotFound, "no file NAME.csv in " + folder};
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<Replay> Replay::open(const Domain& domain, const ReplayOptions& options) {
  Result<std::vector<std::string>> paths = CsvPaths(options.folder);
  if (!paths.ok()) return paths.status();
  Replay replay(options);
  Result<std::unique_ptr<Node>> node = Node::open(domain, options.node);
  if (!node.ok()) return node.status();
  replay.node_ = std::move(*node);
  for (const std::string& path : *paths) {
    Result<CsvFile> file = CsvFile::open(path);
    const Status named = file.ok() ? CheckTopicName(file->name().topic) : file.status();
    if (!named.ok()) {
      spdlog::warn("{}; file left out", named.message());
      ++replay.summary_.files_left_out;
      continue;
    }
    if (Status s = replay.Advertise(std::move(*file)); !s.ok()) return s;
  }
  if (replay.tracks_.empty()) return {Code::kNotFound, "no usable CSV file in " + options.folder};
  return replay;
}

Status Replay::Advertise(CsvFile file) {
  const Schema& schema = file.layout().schema;
  TopicOptions topic;
  topic.name = (options_.prefix.empty() ? "" : options_.prefix + "/") + file.name().topic;
  topic.history = options_.history;
  topic.max_age_ns = options_.max_age_ns;
  std::vector<Part> parts;
  const auto add = [&](uint32_t offset, uint64_t bytes) {
    Result<Publisher> publisher = node_->advertise(topic);
    if (publisher.ok()) parts.push_back({offset, bytes, std::move(*publisher)});
    return publisher.status();
  };
  if (!options_.split) {
    topic.schema = schema;
    if (Status s = add(0, schema.size); !s.ok()) return s;
  }
  const std::string stem = topic.name + "/";
  for (const Field& field : schema.fields) {
    if (!options_.split) break;
    topic.name = stem + field.name;
    topic.schema = Schema::Scalar(field.type, field.count, field.count > 1);
    topic.schema.fields[0].unit = field.unit;
    if (Status s = add(field.offset, topic.schema.size); !s.ok()) return s;
  }
  summary_.topics += parts.size();
  tracks_.push_back({std::move(file), std::move(parts)});
  return Status();
}

Status Replay::Publish(Track* track) {
  const int64_t now = BoottimeNs();
  const SampleHead head{0, track->file.timestamp_us() * 1000, now, now};
  Burst burst;
  for (Part& part : track->parts) {
    const auto bytes = track->file.value().subspan(part.offset, part.bytes);
    if (Status s = burst.publish(part.publisher, bytes, head); !s.ok()) return s;
    ++summary_.samples;
  }
  return Status();
}

// All rows once.
Status Replay::Pass(const Stop& stop) {
  using Due = std::pair<int64_t, size_t>;  // timestamp of a track's next row, index of the track
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> next;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].file.next()) next.emplace(tracks_[i].file.timestamp_us(), i);
  }
  int64_t last_us = next.empty() ? 0 : next.top().first;
  for (uint64_t rows = 0; !next.empty(); ++rows) {
    const auto [us, index] = next.top();
    next.pop();
    // In a file that is not in order time stands still until it has caught up.
    int64_t gap_ns = 0;
    if (us > last_us && (__builtin_sub_overflow(us, last_us, &gap_ns) || gap_ns > kNever / 1000))
      gap_ns = kNever / 1000;
    gap_ns *= 1000;
    if (options_.max_gap_ns != 0) gap_ns = std::min(gap_ns, options_.max_gap_ns);
    played_ns_ = gap_ns > kNever - played_ns_ ? kNever : played_ns_ + gap_ns;
    last_us = std::max(last_us, us);
    const double after_ns = options_.asap ? 0 : static_cast<double>(played_ns_) / options_.speed;
    const int64_t due = after_ns > 4e18 ? kNever : start_ns_ + static_cast<int64_t>(after_ns);
    if ((!options_.asap || rows % 256 == 0) && stop.sleep_until(due)) {
      summary_.stopped = true;
      return Status();
    }
    Track& track = tracks_[index];
    if (Status s = Publish(&track); !s.ok()) return s;
    if (track.file.next()) next.emplace(track.file.timestamp_us(), index);
    ShowProgress();
  }
  return Status();
}

Result<ReplaySummary> Replay::run(const Stop& stop) {
  start_ns_ = BoottimeNs();
  for (;;) {
    const uint64_t before = summary_.samples;
    if (Status s = Pass(stop); !s.ok()) return s;
    if (!options_.loop || summary_.stopped || summary_.samples == before) break;
    for (Track& track : tracks_) track.file.rewind();
  }
  progress_.end();
  for (const Track& track : tracks_) summary_.rows_skipped += track.file.skipped();
  summary_.seconds = static_cast<double>(BoottimeNs() - start_ns_) / 1e9;
  return summary_;
}

void Replay::ShowProgress() {
  if (!progress_.due()) return;
  uint64_t read = 0, bytes = 1;
  for (const Track& track : tracks_) {
    read += track.file.bytes_read();
    bytes += track.file.bytes();
  }
  progress_.show(fmt::format("{:3.0f} %  {} samples  {:.1f} s",
                             100.0 * static_cast<double>(read) / static_cast<double>(bytes), summary_.samples,
                             static_cast<double>(BoottimeNs() - start_ns_) / 1e9));
}

}  // namespace smt::cmd
