#include "cmd/recording/recorder.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "cmd/recording/log_events.h"
#include "cmd/recording/writing_thread.h"
#include "cmd/text/deadline.h"
#include "cmd/text/text.h"
#include "shm/clock.h"
#include "shm/list.h"

namespace smt::cmd {
namespace {

using Kind = BufferedEntry::Kind;

constexpr int64_t kLookNs = 500'000'000;       // at the states of topics
constexpr int64_t kReportNs = 200'000'000;     // of the progress
constexpr int64_t kMaxEndNs = 10'000'000'000;  // with writers that say anything of the time
constexpr int64_t kMatchNs = 10'000'000'000;   // topics have so long to appear
// The wall clock is followed only where it was set; the spacing of samples is BOOTTIME's.
constexpr int64_t kWallStepNs = 10'000'000;

// Readable when one of them is; `stop_fd` may be -1.
Fd either_of(int stop_fd, int news_fd) {
  Fd either(epoll_create1(EPOLL_CLOEXEC));
  epoll_event wanted = {};
  wanted.events = EPOLLIN;
  if (!either.ok() || epoll_ctl(either.get(), EPOLL_CTL_ADD, news_fd, &wanted) != 0 ||
      (stop_fd >= 0 && epoll_ctl(either.get(), EPOLL_CTL_ADD, stop_fd, &wanted) != 0)) {
    throw std::system_error(errno, std::generic_category(), "epoll");
  }
  return either;
}

}  // namespace

Recorder::Recorder(const RecordOptions& options)
    : options_(options), buffer_(std::make_unique<SampleBuffer>(options.buffer_bytes)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::open(const RecordOptions& options) {
  Recorder recorder(options);
  const int64_t now = boottime_ns();  // where there is a file, it has begun
  Result<std::unique_ptr<WritingThread>> writing = WritingThread::start(
      {options.output, options.split_bytes, options.split_ns, {}}, now, recorder.buffer_.get());
  if (!writing.ok()) return writing.status();
  recorder.writing_ = std::move(*writing);
  recorder.start_ns_ = recorder.reported_ns_ = now;
  return recorder;
}

Recorder::Topic* Recorder::know(const std::string& name, Follower::Topic& from) {
  Topic& topic = topics_[&from];
  if (std::exchange(topic.checked, round_) == round_ && topic.log != nullptr) return &topic;
  if (topic.log != nullptr && topic.log->schema == from.schema) return &topic;
  if (topic.log != nullptr) former_.push_back(std::move(topic.log));
  if (topic.has_older()) --older_;
  topic.older = KeptSample();
  const TopicOrigin origin = from.reader.freshness().origin;
  topic.log =
      std::make_unique<LogTopic>(LogTopic{name, from.schema, origin.host, origin.domain, origin.node});
  return &topic;
}

// Topics that have no sample yet, so that the file need not end for their first.
void Recorder::declare_new(std::map<std::string, Follower::Topic>& topics) {
  declared_ns_ = boottime_ns();
  declared_ = topics.size();
  for (auto& [name, from] : topics) {
    if (from.schema.type_name.empty()) continue;  // not known yet
    if (const auto known = topics_.find(&from); known != topics_.end() && known->second.log) continue;
    Topic* topic = know(name, from);
    if (buffer_->put({.kind = Kind::kTopic, .topic = topic->log.get(), .bytes = {}})) continue;
    topic->log.reset();  // in time, or with its first sample
    return;
  }
}

std::vector<TopicEvent> Recorder::look(const Domain& domain, const relay::PatternSet& patterns) {
  looked_ns_ = boottime_ns();
  Result<DomainListing> listing = list_topics(domain);
  if (!listing.ok()) return {};  // as ever: the follower tells what cannot be read
  std::erase_if(listing->topics, [&](const TopicInfo& topic) { return !patterns.matches(topic.name); });
  return seen_.look(std::move(listing->topics));
}

// Events that the buffer has no room for come with those of the next look, which waits for that.
void Recorder::put_changes(const Domain& domain, const relay::PatternSet& patterns) {
  if (events_.empty()) {
    const int64_t wall_ns = realtime_ns();
    for (const TopicEvent& event : look(domain, patterns)) {
      events_.push_back({log_event(event.topic.name, event.what, 0), wall_ns, wall_offset_ns_ + looked_ns_});
    }
  }
  size_t put = 0;
  for (const Event& e : events_) {
    if (!buffer_->put({.kind = Kind::kEvent,
                       .stamp_ns = e.stamp_ns,
                       .receive_ns = e.receive_ns,
                       .bytes = std::as_bytes(std::span(&e.event, 1))})) {
      break;
    }
    ++put;
  }
  events_.erase(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(put));
  looked_ns_ = boottime_ns();
}

bool Recorder::put_older(Topic* topic) {
  const LogSample& older = topic->older.sample();
  if (!buffer_->put({.kind = Kind::kInitial,
                     .topic = older.topic,
                     .sequence = older.sequence,
                     .stamp_ns = older.stamp_ns,
                     .receive_ns = older.receive_ns,
                     .bytes = older.bytes})) {
    return false;
  }
  topic->older = KeptSample();
  --older_;
  return true;
}

// Of topics of which no older sample than the recording can come any more, that is the initial value.
void Recorder::settle(const Follower& follower) {
  if (opening_ == 0 && older_ == 0) return;
  for (auto& [from, topic] : topics_) {
    if (topic.is_opening && !follower.has_more(from->reader.topic())) {
      topic.is_opening = false;
      --opening_;
    }
    if (!topic.is_opening && topic.has_older() && !put_older(&topic)) return;
  }
}

void Recorder::take_sample(const std::string& name, Follower::Topic& from, const Sample& sample) {
  Topic& topic = *know(name, from);
  const int64_t receive_ns = wall_offset_ns_ + std::max(sample.written_ns, start_ns_);
  if (topic.is_opening && sample.written_ns < start_ns_) {
    older_ += topic.has_older() ? 0 : 1;
    topic.older.keep({topic.log.get(), sample.sequence, sample.stamp_ns, receive_ns, 0, sample.bytes});
    return;
  }
  if (std::exchange(topic.is_opening, false)) --opening_;
  ++progress_.samples;
  progress_.missed += sample.missed;
  const bool has_room =
      (!topic.has_older() || put_older(&topic)) && buffer_->put({.topic = topic.log.get(),
                                                                 .sequence = sample.sequence,
                                                                 .stamp_ns = sample.stamp_ns,
                                                                 .receive_ns = receive_ns,
                                                                 .missed = sample.missed,
                                                                 .lacking = topic.lacking,
                                                                 .bytes = sample.bytes});
  if (has_room) {
    topic.lacking = 0;
    return;
  }
  buffer_->lose(topic.log.get(), {sample.missed, 1});
  topic.lacking += sample.missed + 1;
  ++progress_.overflowed;
}

// Says once that the buffer is full, and once that it is not any more.
void Recorder::tell_overflow() {
  if (!overflow_ns_ && progress_.overflowed != told_overflowed_) {
    overflow_ns_ = boottime_ns();
    options_.log.warn(fmt::format(
        "the disk of {} does not keep up: the buffer of {} is full, and samples are lost, which are "
        "counted as overflowed (--buffer)",
        options_.output, bytes_text(buffer_->max_bytes())));
  } else if (overflow_ns_ && buffer_->level() <= buffer_->max_bytes() / 2) {
    options_.log.warn(
        fmt::format("the buffer has room again; {} samples were lost in {:.1f} s",
                    progress_.overflowed - std::exchange(told_overflowed_, progress_.overflowed),
                    static_cast<double>(boottime_ns() - *overflow_ns_) / 1e9));
    overflow_ns_.reset();
  }
}

Status Recorder::run(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin) {
  Status failed;
  try {
    failed = record(domain, patterns, stop_fd, begin);
    ended_ns_ = boottime_ns();
    while (!writing_->end(std::chrono::nanoseconds(kReportNs))) {
      report_news();
      report_progress();
    }
  } catch (...) {
    (void)finish();
    throw;
  }
  const Status finished = finish();
  return failed.ok() ? finished : failed;
}

Status Recorder::finish() {
  if (!ended_ns_) ended_ns_ = boottime_ns();
  while (!writing_->end(std::chrono::nanoseconds(kReportNs))) continue;
  report_news();
  summary_ = writing_->summary();
  summary_.seconds = static_cast<double>(*ended_ns_ - start_ns_) / 1e9;
  summary_.buffer_bytes = buffer_->max_bytes();
  summary_.max_buffered_bytes = buffer_->max_level();
  return writing_->result();
}

Status Recorder::record(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin) {
  Result<Follower> follower = Follower::open(domain, patterns, begin, options_.log);
  if (!follower.ok()) return follower.status();
  for (auto& [name, topic] : follower->topics()) topics_[&topic].is_opening = true;
  opening_ = topics_.size();
  (void)look(domain, patterns);  // what is there at the beginning is no event
  LossWatch losses(domain, options_.log, options_.on_lost);
  const Fd wake = either_of(stop_fd, writing_->news_fd());
  const int64_t end = options_.duration_ns ? deadline_after(options_.duration_ns) : kNever;
  int64_t stopped_ns = kNever;  // what was published until then is recorded
  int64_t match_ns = boottime_ns() + kMatchNs;
  for (;;) {
    const int64_t begun = boottime_ns(), wall_ns = realtime_ns() - begun;
    if (std::abs(wall_ns - wall_offset_ns_) > kWallStepNs) wall_offset_ns_ = wall_ns;
    buffer_->clock(begun, wall_offset_ns_);
    ++round_;
    bool older = false;
    follower->drain([&](const std::string& name, Follower::Topic& topic, const Sample& sample) {
      take_sample(name, topic, sample);
      older = older || sample.written_ns <= stopped_ns;
      return true;
    });
    settle(*follower);
    const int64_t now = boottime_ns();
    if (!losses.look(now)) return losses.failure();
    report_news();
    if (writing_->has_failed()) return Status();  // finish() tells it
    if (now - looked_ns_ >= kLookNs) put_changes(domain, patterns);
    if (now - declared_ns_ >= kLookNs || follower->topics().size() != declared_) {
      declare_new(follower->topics());
    }
    progress_.topics = follower->topics().size();
    report_progress();
    if (now >= match_ns) {
      match_ns = kNever;
      warn_of_unmatched(patterns, follower->topics());
    }
    if (stopped_ns != kNever) {
      if (older && follower->more() && now - stopped_ns <= kMaxEndNs) continue;
      return put_changes(domain, patterns), Status();
    }
    if (now >= end || is_stopped(stop_fd)) {
      stopped_ns = boottime_ns();
    } else {
      follower->sleep(wake.get(), std::min({end, looked_ns_ + kLookNs, match_ns}));
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

void Recorder::report_news() {
  for (const std::string& warning : writing_->take_warnings()) options_.log.warn(warning);
  tell_overflow();
}

void Recorder::report_progress() {
  const int64_t now = boottime_ns();
  if (!options_.progress || now - reported_ns_ < kReportNs) return;
  reported_ns_ = now;
  progress_.seconds = static_cast<double>(now - start_ns_) / 1e9;
  progress_.file_bytes = writing_->file_bytes();
  progress_.buffered_bytes = buffer_->level();
  options_.progress(progress_);
}

}  // namespace smt::cmd
