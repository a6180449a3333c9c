#include "cmd/recording/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "cmd/text/deadline.h"
#include "shm/clock.h"
#include "shm/reader.h"

namespace smt::cmd {
namespace {

constexpr int64_t kReplayReportNs = 200'000'000;  // of the progress
constexpr size_t kToldWriters = 3;

// How old the sample was at the recorded time `point_ns`. One that is not initial was new when it was
// received.
int64_t age_of(const LogSample& sample, int64_t point_ns) {
  const int64_t since_ns = sample.initial ? std::min(sample.stamp_ns, sample.receive_ns) : sample.receive_ns;
  return std::max<int64_t>(0, age_at(point_ns, since_ns));
}

// When the last of them was received.
int64_t end_of(const CurrentSamples& samples) {
  int64_t end_ns = std::numeric_limits<int64_t>::min();
  for (const auto& [name, kept] : samples.all()) end_ns = std::max(end_ns, kept.sample().receive_ns);
  return end_ns;
}

}  // namespace

Result<Replay> Replay::open(const Domain& domain, const ReplayOptions& options) {
  Result<std::unique_ptr<LogReader>> log = open_log(options.path, options.log, options.scope, options.csv);
  if (!log.ok()) return log.status();
  Replay replay(domain, options);
  replay.log_ = std::move(*log);
  if (Status s = replay.check_writers(replay.log_->topics()); !s.ok()) return s;
  Result<std::unique_ptr<Node>> node = Node::open(domain, options.node);
  if (!node.ok()) return node.status();
  replay.node_ = std::move(*node);
  replay.losses_.add(replay.node_.get());
  for (const LogTopic* topic : replay.log_->topics()) {
    if (replay.names_.count(topic->name) != 0) continue;
    if (Status s = replay.advertise(topic); !s.ok()) return s;
  }
  return replay;
}

// What a topic is published as: itself, or with `split` a topic for each of its fields.
std::vector<Replay::Piece> Replay::pieces_of(const LogTopic& log) const {
  TopicOptions topic;
  topic.name = (options_.prefix.empty() ? "" : options_.prefix + "/") + log.name;
  topic.schema = log.schema;
  topic.history = options_.history;
  topic.max_age_ns = options_.max_age_ns;
  if (!options_.split || log.schema.fields.empty()) return {{0, topic}};
  std::vector<Piece> pieces;
  for (const Field& field : log.schema.fields) {
    Piece& piece = pieces.emplace_back(Piece{field.offset, topic});
    piece.topic.name += "/" + field.name;
    piece.topic.schema = Schema::scalar(field.type, field.count, field.count > 1);
    piece.topic.schema.fields[0].unit = field.unit;
  }
  return pieces;
}

// Readers would take the samples of both, whichever was born later.
Status Replay::check_writers(const std::vector<const LogTopic*>& topics) const {
  if (options_.force) return Status();
  std::set<std::string> names;
  for (const LogTopic* log : topics) {
    for (const Piece& piece : pieces_of(*log)) names.insert(piece.topic.name);
  }
  std::vector<std::string> taken;
  for (const std::string& name : names) {
    Result<Reader> reader = Reader::open(domain_, name);
    if (!reader.ok()) continue;  // no name of a topic: advertise() says so
    for (const TopicView& writer : reader->writers()) {
      const bool own = node_ != nullptr && writer.segment->id() == node_->segment_id();
      if (own || !writer.segment->owner_alive()) continue;
      taken.push_back(
          fmt::format("{} by node {} (pid {})", name, writer.segment->node(), writer.segment->pid()));
    }
  }
  if (taken.empty()) return Status();
  const size_t more = taken.size() - std::min(taken.size(), kToldWriters);
  taken.resize(taken.size() - more);
  return {Code::kInUse,
          fmt::format(
              "topics of the recording are published in {} already: {}{}; stop that, or play the recording "
              "with another --prefix or --domain, or beside it with --force",
              domain_.path(), fmt::join(taken, ", "), more == 0 ? "" : fmt::format(" and {} more", more))};
}

// Another schema of the name is no longer advertised then.
Status Replay::advertise(const LogTopic* log) {
  const auto known = names_.find(log->name);
  const bool first = known == names_.end();
  if (first) {
    names_.emplace(log->name, log);
  } else {
    parts_.erase(std::exchange(known->second, log));
  }
  std::vector<Part>& parts = parts_[log];
  for (const Piece& piece : pieces_of(*log)) {
    Result<Publisher> publisher = node_->advertise(piece.topic);
    if (!publisher.ok()) return publisher.status();
    parts.push_back({piece.offset, piece.topic.schema.size, std::move(*publisher)});
  }
  if (first) summary_.topics += parts.size();
  return Status();
}

Status Replay::publish(const LogSample& sample, int64_t age_ns, uint64_t* count) {
  if (parts_.count(sample.topic) == 0) {
    if (Status s = check_writers({sample.topic}); !s.ok()) return s;
    if (Status s = advertise(sample.topic); !s.ok()) return s;
  }
  const int64_t now = boottime_ns();
  const SampleHead head{0, sample.stamp_ns, now - age_ns, now};
  Burst burst;
  for (Part& part : parts_.at(sample.topic)) {
    const auto bytes = part.bytes == 0 ? sample.bytes : sample.bytes.subspan(part.offset, part.bytes);
    if (Status s = burst.publish(part.publisher, bytes, head); !s.ok()) return s;
    ++*count;
  }
  return Status();
}

Status Replay::publish_current(int64_t point_ns) {
  for (const auto& [name, kept] : current_.all()) {
    const int64_t age_ns = age_of(kept.sample(), point_ns);
    if (Status s = publish(kept.sample(), age_ns, &summary_.initial); !s.ok()) return s;
  }
  return Status();
}

// What stands still meanwhile is the clock of the recording.
void Replay::pause(bool on) {
  if (on == (paused_ns_ != 0)) return;
  const int64_t now = boottime_ns();
  if (!on) start_ns_ += now - paused_ns_;
  paused_ns_ = on ? now : 0;
}

// The sample at the position is due now.
void Replay::seek(int64_t position_ns) {
  skip_to_ns_ = std::max<int64_t>(0, position_ns);
  last_ns_.reset();
  if (skip_to_ns_ > position_ns_) return;
  log_->rewind();
  current_.clear();
  rewound_ = true;
}

// True: the sample that is due is not, as others come before it.
bool Replay::press(const std::string& key) {
  constexpr int64_t kSeekNs = 5'000'000'000;
  if (key == "q") quit_ = true;
  if (key == " ") pause(paused_ns_ == 0);
  if (key == ".") {
    pause(true);
    step_ = true;
  }
  if (key == "home") return seek(options_.start_ns), true;
  if (key == "left") return seek(position_ns_ - kSeekNs), true;
  if (key == "right") return seek(position_ns_ + kSeekNs), true;
  return false;
}

// Until the sample is due that played_ns_ stands at.
Replay::Turn Replay::wait(int stop_fd, const ReplayKeys& keys) {
  for (;;) {
    const double after_ns = options_.asap ? 0 : static_cast<double>(played_ns_) / options_.speed;
    const int64_t due = after_ns > 4e18 ? kNever : start_ns_ + static_cast<int64_t>(after_ns);
    if (std::exchange(step_, false)) {
      start_ns_ -= due - paused_ns_;  // it is due now
      return Turn::kPublish;
    }
    const bool paused = paused_ns_ != 0;
    report_progress(paused);
    const int keys_fd = keys.fd ? keys.fd() : -1;
    if (losses_.sleep_until(paused ? kNever : due, stop_fd, keys_fd)) return Turn::kStop;
    bool seek = false;
    if (keys.read) {
      for (const std::string& key : keys.read()) seek = press(key) || seek;
    }
    if (quit_) return Turn::kStop;
    if (seek) return Turn::kSeek;
    if (!paused && paused_ns_ == 0 && boottime_ns() >= due) return Turn::kPublish;
  }
}

// The sample is not played, but may be what is current at the start.
bool Replay::precedes_start(const LogSample& sample) {
  if (sample.initial && !last_ns_) return true;
  if (!begin_ns_) begin_ns_ = sample.receive_ns;
  return skip_to_ns_ > 0 && age_at(sample.receive_ns, *begin_ns_) < skip_to_ns_;
}

// All samples once.
Status Replay::pass(int stop_fd, const ReplayKeys& keys) {
  uint64_t samples = 0;
  rewound_ = false;
  for (LogSample sample; log_->next(&sample);) {
    if (precedes_start(sample)) {
      current_.keep(sample);
      continue;
    }
    const int64_t at_ns = sample.receive_ns;
    position_ns_ = age_at(at_ns, *begin_ns_);  // negative where it is not in order
    if (!last_ns_) {
      const int64_t start_ns = at_ns - std::max<int64_t>(0, position_ns_ - skip_to_ns_);
      if (Status s = publish_current(start_ns); !s.ok()) return s;
      last_ns_ = at_ns;
      start_ns_ = paused_ns_ != 0 ? paused_ns_ : boottime_ns();
      played_ns_ = 0;
    }
    // In a recording that is not in order time stands still until it has caught up.
    int64_t gap_ns = std::max<int64_t>(0, age_at(at_ns, *last_ns_));
    if (options_.max_gap_ns != 0) gap_ns = std::min(gap_ns, options_.max_gap_ns);
    played_ns_ = gap_ns > kNever - played_ns_ ? kNever : played_ns_ + gap_ns;
    last_ns_ = std::max(*last_ns_, at_ns);
    const Turn turn = options_.asap && samples % 256 != 0 ? Turn::kPublish : wait(stop_fd, keys);
    if (turn == Turn::kSeek) {
      if (!std::exchange(rewound_, false)) current_.keep(sample);
      continue;
    }
    if (turn == Turn::kStop) {
      summary_.stopped = losses_.failure().ok();
      return losses_.failure();
    }
    uint64_t* const count = sample.initial ? &summary_.initial : &summary_.samples;
    if (Status s = publish(sample, age_of(sample, at_ns), count); !s.ok()) return s;
    current_.keep(sample);
    ++samples;
  }
  return last_ns_ ? Status() : publish_current(end_of(current_));
}

Result<ReplaySummary> Replay::run(int stop_fd, const ReplayKeys& keys) {
  begun_ns_ = reported_ns_ = boottime_ns();
  skip_to_ns_ = options_.start_ns;
  pause(options_.paused);
  for (;;) {
    const uint64_t before = summary_.samples;
    if (Status s = pass(stop_fd, keys); !s.ok()) return s;
    if (!options_.loop || summary_.stopped || summary_.samples == before) break;
    seek(options_.start_ns);
  }
  summary_.problems = log_->problems();
  summary_.samples_left_out = log_->samples_left_out();
  summary_.topics_left_out = log_->topics_left_out();
  summary_.bytes_left_out = log_->bytes_left_out();
  summary_.parts_left_out = log_->parts_left_out();
  summary_.seconds = static_cast<double>(boottime_ns() - begun_ns_) / 1e9;
  return summary_;
}

void Replay::report_progress(bool paused) {
  if (!options_.progress) return;
  const int64_t now = boottime_ns();
  if (now - reported_ns_ < kReplayReportNs && paused == reported_paused_) return;
  reported_ns_ = now;
  reported_paused_ = paused;
  options_.progress({log_->progress(), summary_.samples, position_ns_, paused});
}

}  // namespace smt::cmd
