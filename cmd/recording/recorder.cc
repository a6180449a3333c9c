#include "cmd/recording/recorder.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cmd/recording/open_log.h"
#include "cmd/text/deadline.h"
#include "shm/clock.h"
#include "shm/list.h"

namespace smt::cmd {
namespace {

constexpr int64_t kFlushNs = 500'000'000;      // so that it is on the disk within a second
constexpr int64_t kLookNs = 500'000'000;       // at the states of topics
constexpr int64_t kReportNs = 200'000'000;     // of the progress
constexpr int64_t kMaxEndNs = 10'000'000'000;  // with writers that say anything of the time
constexpr int64_t kRetrySplitNs = 1'000'000'000;
constexpr int64_t kMatchNs = 10'000'000'000;  // topics have so long to appear
constexpr uint64_t kMaxTakenNames = 10'000;
// The wall clock is followed only where it was set; the spacing of samples is BOOTTIME's.
constexpr int64_t kWallStepNs = 10'000'000;

}  // namespace

Result<Recorder> Recorder::open(const RecordOptions& options) {
  Id128 id;
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    return Status::from_errno("getrandom", errno);
  }
  Recorder recorder(options);
  recorder.recording_ = hex_id(id);
  const int64_t now = boottime_ns();  // where there is a file, it has begun
  Result<Part> part = recorder.create_part(0);
  if (!part.ok()) return part.status();
  recorder.begin_part(std::move(*part));
  recorder.start_ns_ = recorder.reported_ns_ = recorder.part_ns_ = now;
  return recorder;
}

// Under the first name that is free; the first part has no other than its own.
Result<Recorder::Part> Recorder::create_part(uint64_t number) const {
  const uint64_t first = number == 0 ? 0 : part_.name_number + 1;
  for (uint64_t name = first;; ++name) {
    Part part{nullptr, log_part_path(options_.output, name), number, name};
    Result<std::unique_ptr<LogWriter>> file = create_log(part.path, {recording_, number});
    std::error_code error;
    if (!file.ok() && number != 0 && name - first < kMaxTakenNames &&
        std::filesystem::exists(std::filesystem::symlink_status(part.path, error))) {
      continue;
    }
    if (!file.ok()) return file.status();
    part.file = std::move(*file);
    if (Status s = part.file->declare(events_.topic()); !s.ok()) return s;
    for (const auto& [topic_name, topic] : topics_) {
      if (topic.log == nullptr) continue;
      if (Status s = part.file->declare(topic.log.get()); !s.ok()) return s;
    }
    if (name != first) {
      options_.log.warn(fmt::format("{} is there already: part {} of the recording is {}",
                                    log_part_path(options_.output, first), number, part.path));
    }
    return part;
  }
}

void Recorder::begin_part(Part part) {
  part_ = std::move(part);
  summary_.files.push_back(part_.path);
  part_ns_ = flushed_ns_ = boottime_ns();
  carried_bytes_ = sample_bytes_ = 0;
  for (const auto& [name, topic] : topics_) {
    if (topic.recorded && !topic.gone) standing_.insert(name);
  }
}

Recorder::Topic* Recorder::know(const std::string& name, const Follower::Topic& from) {
  Topic& topic = topics_[name];
  if (topic.log == nullptr || topic.log->schema != from.schema) {
    const TopicOrigin origin = from.reader.freshness().origin;
    if (topic.log != nullptr) former_.push_back(std::move(topic.log));
    topic.current = KeptSample();
    standing_.erase(name);
    topic.recorded = false;
    topic.log =
        std::make_unique<LogTopic>(LogTopic{name, from.schema, origin.host, origin.domain, origin.node});
  }
  return &topic;
}

// Topics that have no sample yet, so that the file need not end for their first. One that takes no new topic
// is left until then.
Status Recorder::declare_new(const std::map<std::string, Follower::Topic>& topics) {
  for (const auto& [name, topic] : topics) {
    const auto known = topics_.find(name);
    if (known != topics_.end() && known->second.log != nullptr) continue;
    if (topic.schema.type_name.empty()) continue;  // not known yet
    const Status s = part_.file->declare(know(name, topic)->log.get());
    if (!s.ok() && s.code() != Code::kNotFound) return s;
  }
  return Status();
}

void Recorder::commit(bool kept) {
  const uint64_t events = std::exchange(open_events_, 0);
  if (kept) summary_.events += events;
  for (auto& [name, topic] : topics_) {
    const RecordedTopic open = std::exchange(topic.open, {});
    RecordedTopic& sum = summary_.topics[name];
    sum.missed += open.missed;
    sum.left_out += open.left_out;
    if (kept) {
      sum.samples += open.samples;
      sum.initial += open.initial;
      sum.bytes += open.bytes;
    } else {
      sum.left_out += open.samples + open.initial;
    }
  }
}

std::vector<TopicEvent> Recorder::look(const Domain& domain, const relay::PatternSet& patterns) {
  looked_ns_ = boottime_ns();
  Result<DomainListing> listing = list_topics(domain);
  if (!listing.ok()) return {};  // as ever: the follower tells what cannot be read
  std::erase_if(listing->topics, [&](const TopicInfo& topic) { return !patterns.matches(topic.name); });
  return seen_.look(std::move(listing->topics));
}

Status Recorder::write_event(const std::string& topic, std::string_view event, uint64_t count) {
  ++open_events_;
  return part_.file->write(events_.next(topic, event, count, wall_ns_ + boottime_ns()));
}

Status Recorder::write_changes(const Domain& domain, const relay::PatternSet& patterns) {
  if (Status s = part_.file->check(); !s.ok()) return s;
  for (const TopicEvent& event : look(domain, patterns)) {
    const auto known = topics_.find(event.topic.name);
    if (known != topics_.end() && event.what == "vanishes") known->second.gone = true;
    if (known != topics_.end() && event.what == "appears") known->second.gone = false;
    if (Status s = write_event(event.topic.name, event.what); !s.ok()) return s;
  }
  return Status();
}

// Since the last flush.
Status Recorder::write_losses() {
  for (const auto& [name, topic] : topics_) {
    Status s;
    if (topic.open.missed != 0) s = write_event(name, "missed", topic.open.missed);
    if (s.ok() && topic.open.left_out != 0) s = write_event(name, "left out", topic.open.left_out);
    if (!s.ok()) return s;
  }
  return Status();
}

// Writes the value of `name` that stood when the part began, if it is not there yet: it comes before all that
// was received from `before_ns` on.
Status Recorder::write_standing(const std::string& name, int64_t before_ns) {
  if (standing_.erase(name) == 0) return Status();
  Topic& topic = topics_.at(name);
  LogSample sample = topic.current.sample();
  sample.receive_ns = std::min(wall_ns_ + part_ns_, before_ns);
  sample.initial = true;
  const Status s = write_sample(name, &topic, sample);
  if (s.code() == Code::kInvalid || s.code() == Code::kNotFound) {
    if (!topic.recorded) ++topic.open.left_out;
    return Status();
  }
  if (!s.ok()) return s;
  if (topic.recorded) {
    carried_bytes_ += sample.bytes.size();
  } else {
    ++topic.open.initial;
    topic.open.bytes += sample.bytes.size();
    topic.recorded = true;
  }
  return part_.file->full() ? flush_chunk() : Status();
}

// Writes all values that stood when the part began and that nothing older than the recording can replace.
Status Recorder::settle() {
  const std::set<std::string> standing = standing_;
  for (const std::string& name : standing) {
    if (opening_.count(name) != 0) continue;
    if (Status s = write_standing(name, kNever); !s.ok()) return s;
  }
  return Status();
}

Status Recorder::flush() {
  const Status settled = settle();
  return settled.ok() ? flush_chunk() : settled;
}

Status Recorder::flush_chunk() {
  Status s = write_losses();
  if (s.ok()) s = part_.file->flush();
  commit(s.ok());
  flushed_ns_ = boottime_ns();
  summary_.file_bytes = parts_bytes_ + part_.file->bytes();
  return s;
}

// Begins the next part once the samples of this one are on the disk. An error: this one could not be closed,
// and the next, which holds nothing, is gone again.
Status Recorder::split() {
  if (boottime_ns() < no_split_before_ns_) return Status();
  if (Status s = flush(); !s.ok()) return s;
  Result<Part> next = create_part(part_.number + 1);
  if (!next.ok()) return put_off_split(next.status()), Status();
  part_.file->set_next_part(next->number);
  if (Status s = part_.file->finish(); !s.ok()) {
    part_.file->set_next_part(std::nullopt);
    next->file.reset();
    std::error_code ignored;
    std::filesystem::remove(next->path, ignored);
    return s;
  }
  parts_bytes_ += part_.file->bytes();
  told_no_split_ = false;
  begin_part(std::move(*next));
  return Status();
}

void Recorder::put_off_split(const Status& why) {
  no_split_before_ns_ = boottime_ns() + kRetrySplitNs;
  if (std::exchange(told_no_split_, true)) return;
  options_.log.warn(fmt::format("{}; recording goes on in {}", why.message(), part_.path));
}

int64_t Recorder::split_due_ns() const {
  return options_.split_ns == 0 ? kNever : std::max(part_ns_ + options_.split_ns, no_split_before_ns_);
}

Status Recorder::finish() {
  opening_.clear();
  const Status flushed = flush();
  const Status finished = part_.file->finish();
  summary_.file_bytes = parts_bytes_ + part_.file->bytes();
  summary_.seconds = static_cast<double>(boottime_ns() - start_ns_) / 1e9;
  return flushed.ok() ? finished : flushed;
}

Status Recorder::write_sample(const std::string& name, Topic* topic, const LogSample& sample) {
  const uint64_t size = sample.topic->schema.size;
  Status s;
  if (size != 0 && sample.bytes.size() != size) {  // a writer of its own kind
    s = {Code::kInvalid,
         fmt::format("{}: a sample of {} bytes, and the schema says {}", name, sample.bytes.size(), size)};
  } else if (s = part_.file->write(sample); s.code() == Code::kNotFound) {
    if (s = split(); s.ok()) s = part_.file->write(sample);
  }
  const bool left_out = s.code() == Code::kInvalid || s.code() == Code::kNotFound;
  if (left_out && !std::exchange(topic->told, true)) {
    options_.log.warn(fmt::format("{}; left out, as others of {} that are like it", s.message(), name));
  }
  return s;
}

Status Recorder::take_sample(const std::string& name, Follower::Topic& from, const Sample& sample) {
  const int64_t receive_ns = wall_ns_ + std::max(sample.written_ns, start_ns_);
  if (sample.written_ns < start_ns_ && opening_.count(name) != 0) {
    Topic& topic = *know(name, from);
    topic.current.keep({topic.log.get(), sample.sequence, sample.stamp_ns, receive_ns, 0, sample.bytes});
    standing_.insert(name);
    return Status();
  }
  opening_.erase(name);
  if (Status s = write_standing(name, receive_ns); !s.ok()) return s;
  Topic& topic = *know(name, from);
  topic.open.missed += sample.missed;
  const uint64_t missed = topic.missed + sample.missed;
  const LogSample log = {topic.log.get(), sample.sequence, sample.stamp_ns, receive_ns, missed, sample.bytes};
  const Status s = write_sample(name, &topic, log);
  if (s.code() == Code::kInvalid || s.code() == Code::kNotFound) {
    ++topic.open.left_out;
    topic.missed = missed + 1;
    return Status();
  }
  if (!s.ok()) return s;
  topic.missed = 0;
  ++topic.open.samples;
  topic.open.bytes += sample.bytes.size();
  sample_bytes_ += sample.bytes.size();
  topic.current.keep(log);
  topic.recorded = true;
  return part_.file->full() ? flush_chunk() : Status();
}

Status Recorder::run(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin) {
  Status failed;
  try {
    failed = record(domain, patterns, stop_fd, begin);
  } catch (...) {
    (void)finish();
    throw;
  }
  const Status finished = finish();
  return failed.ok() ? finished : failed;
}

Status Recorder::record(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin) {
  Result<Follower> follower = Follower::open(domain, patterns, begin, options_.log);
  if (!follower.ok()) return follower.status();
  for (const auto& [name, topic] : follower->topics()) opening_.insert(name);
  (void)look(domain, patterns);  // what is there at the beginning is no event
  if (Status s = declare_new(follower->topics()); !s.ok()) return s;
  LossWatch losses(domain, options_.log, options_.on_lost);
  const int64_t end = options_.duration_ns ? deadline_after(options_.duration_ns) : kNever;
  Status failed;
  int64_t stopped_ns = kNever;  // what was published until then is recorded
  int64_t match_ns = boottime_ns() + kMatchNs;
  for (;;) {
    const int64_t wall_ns = realtime_ns() - boottime_ns();
    if (std::abs(wall_ns - wall_ns_) > kWallStepNs) wall_ns_ = wall_ns;
    bool older = false;
    if (part_.file->open_bytes() == 0) flushed_ns_ = boottime_ns();  // nothing waits for the disk
    follower->drain([&](const std::string& name, Follower::Topic& topic, const Sample& sample) {
      failed = take_sample(name, topic, sample);
      older = older || sample.written_ns <= stopped_ns;
      return failed.ok();
    });
    std::erase_if(opening_, [&](const std::string& name) { return !follower->has_more(name); });
    if (failed.ok()) failed = settle();
    const int64_t now = boottime_ns();
    const bool due = now - flushed_ns_ >= kFlushNs;
    if (failed.ok() && !losses.look(now)) failed = losses.failure();
    if (failed.ok() && now - looked_ns_ >= kLookNs) failed = write_changes(domain, patterns);
    if (failed.ok() && due) failed = declare_new(follower->topics());
    if (failed.ok() && due) failed = flush();
    // A part is no smaller than what it began with, or each sample would begin another one.
    const bool full = options_.split_bytes != 0 && part_.file->bytes() >= options_.split_bytes &&
                      sample_bytes_ >= carried_bytes_;
    const bool old = now >= split_due_ns();
    if (failed.ok() && (full || old)) failed = split();
    if (!failed.ok()) return failed;
    report_progress();
    if (now >= match_ns) {
      match_ns = kNever;
      warn_of_unmatched(patterns, follower->topics());
    }
    if (stopped_ns != kNever) {
      if (!older || !follower->more() || now - stopped_ns > kMaxEndNs) return write_changes(domain, patterns);
    } else if (now >= end || is_stopped(stop_fd)) {
      stopped_ns = boottime_ns();
    } else {
      int64_t until = std::min({end, looked_ns_ + kLookNs, match_ns});
      if (part_.file->open_bytes() != 0) until = std::min(until, flushed_ns_ + kFlushNs);
      until = std::min(until, split_due_ns());
      follower->sleep(stop_fd, until);
    }
  }
}

void Recorder::warn_of_unmatched(const relay::PatternSet& patterns,
                                 const std::map<std::string, Follower::Topic>& topics) const {
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics) names.push_back(name);
  const std::vector<std::string> unmatched = relay::unmatched_patterns(patterns, names);
  if (unmatched.empty()) return;
  options_.log.warn(fmt::format("no topic matches '{}', to be recorded; smttopic list shows what is here",
                                fmt::join(unmatched, "' '")));
}

void Recorder::report_progress() {
  const int64_t now = boottime_ns();
  if (!options_.progress || now - reported_ns_ < kReportNs) return;
  reported_ns_ = now;
  RecordProgress progress{.seconds = static_cast<double>(now - start_ns_) / 1e9,
                          .topics = topics_.size(),
                          .file_bytes = parts_bytes_ + part_.file->bytes()};
  for (const auto& [name, topic] : topics_) {
    const RecordedTopic& sum = summary_.topics[name];
    progress.samples += sum.samples + topic.open.samples;
    progress.missed += sum.missed + topic.open.missed;
  }
  options_.progress(progress);
}

}  // namespace smt::cmd
