#include "cmd/replay.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "shm/clock.h"

namespace smt::cmd {

Result<Replay> Replay::open(const Domain& domain, const ReplayOptions& options) {
  Result<std::unique_ptr<LogReader>> log = OpenLog(options.path);
  if (!log.ok()) return log.status();
  Replay replay(options);
  replay.log_ = std::move(*log);
  Result<std::unique_ptr<Node>> node = Node::open(domain, options.node);
  if (!node.ok()) return node.status();
  replay.node_ = std::move(*node);
  for (const LogTopic* topic : replay.log_->topics()) {
    if (replay.names_.count(topic->name) != 0) continue;
    if (Status s = replay.Advertise(topic); !s.ok()) return s;
  }
  return replay;
}

// Another schema of the name is no longer advertised then.
Status Replay::Advertise(const LogTopic* log) {
  const auto known = names_.find(log->name);
  const bool first = known == names_.end();
  if (first) {
    names_.emplace(log->name, log);
  } else {
    parts_.erase(std::exchange(known->second, log));
  }
  const Schema& schema = log->schema;
  TopicOptions topic;
  topic.name = (options_.prefix.empty() ? "" : options_.prefix + "/") + log->name;
  topic.history = options_.history;
  topic.max_age_ns = options_.max_age_ns;
  std::vector<Part>& parts = parts_[log];
  const auto add = [&](uint64_t offset, uint64_t bytes) {
    Result<Publisher> publisher = node_->advertise(topic);
    if (publisher.ok()) parts.push_back({offset, bytes, std::move(*publisher)});
    return publisher.status();
  };
  if (!options_.split || schema.fields.empty()) {
    topic.schema = schema;
    if (Status s = add(0, schema.size); !s.ok()) return s;
  } else {
    const std::string stem = topic.name + "/";
    for (const Field& field : schema.fields) {
      topic.name = stem + field.name;
      topic.schema = Schema::Scalar(field.type, field.count, field.count > 1);
      topic.schema.fields[0].unit = field.unit;
      if (Status s = add(field.offset, topic.schema.size); !s.ok()) return s;
    }
  }
  if (first) summary_.topics += parts.size();
  return Status();
}

Status Replay::Publish(const LogSample& sample) {
  if (parts_.count(sample.topic) == 0) {
    if (Status s = Advertise(sample.topic); !s.ok()) return s;
  }
  const int64_t now = BoottimeNs();
  const SampleHead head{0, sample.stamp_ns, now, now};
  Burst burst;
  for (Part& part : parts_.at(sample.topic)) {
    const auto bytes = part.bytes == 0 ? sample.bytes : sample.bytes.subspan(part.offset, part.bytes);
    if (Status s = burst.publish(part.publisher, bytes, head); !s.ok()) return s;
    ++summary_.samples;
  }
  return Status();
}

// All samples once.
Status Replay::Pass(const Stop& stop) {
  std::optional<int64_t> begin_ns, last_ns;
  uint64_t samples = 0;
  for (LogSample sample; log_->next(&sample);) {
    const int64_t at_ns = sample.receive_ns;
    if (!begin_ns) begin_ns = at_ns;
    if (options_.start_ns > 0 && AgeNs(at_ns, *begin_ns) < options_.start_ns) continue;
    if (!last_ns) last_ns = at_ns;
    // In a recording that is not in order time stands still until it has caught up.
    int64_t gap_ns = std::max<int64_t>(0, AgeNs(at_ns, *last_ns));
    if (options_.max_gap_ns != 0) gap_ns = std::min(gap_ns, options_.max_gap_ns);
    played_ns_ = gap_ns > kNever - played_ns_ ? kNever : played_ns_ + gap_ns;
    last_ns = std::max(*last_ns, at_ns);
    const double after_ns = options_.asap ? 0 : static_cast<double>(played_ns_) / options_.speed;
    const int64_t due = after_ns > 4e18 ? kNever : start_ns_ + static_cast<int64_t>(after_ns);
    if ((!options_.asap || samples % 256 == 0) && stop.sleep_until(due)) {
      summary_.stopped = true;
      return Status();
    }
    if (Status s = Publish(sample); !s.ok()) return s;
    ++samples;
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
    log_->rewind();
  }
  progress_.end();
  for (const std::string& problem : log_->problems()) spdlog::warn("{}: {}", options_.path, problem);
  summary_.samples_left_out = log_->samples_left_out();
  summary_.topics_left_out = log_->topics_left_out();
  summary_.bytes_left_out = log_->bytes_left_out();
  summary_.seconds = static_cast<double>(BoottimeNs() - start_ns_) / 1e9;
  return summary_;
}

void Replay::ShowProgress() {
  if (!progress_.due()) return;
  progress_.show(fmt::format("{:3.0f} %  {} samples  {:.1f} s", 100 * log_->progress(), summary_.samples,
                             static_cast<double>(BoottimeNs() - start_ns_) / 1e9));
}

}  // namespace smt::cmd
