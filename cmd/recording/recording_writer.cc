#include "cmd/recording/recording_writer.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cmd/recording/open_log.h"
#include "cmd/text/deadline.h"
#include "shm/clock.h"
#include "shm/list.h"

namespace smt::cmd {
namespace {

constexpr int64_t kFlushNs = 500'000'000;       // so that it is on the disk within a second
constexpr int64_t kMaxFlushNs = 4'000'000'000;  // where that takes long
constexpr int64_t kCheckNs = 500'000'000;       // whether the file is there
constexpr int64_t kRetrySplitNs = 1'000'000'000;
constexpr uint64_t kMaxTakenNames = 10'000;

// Of this thread.
int64_t processor_ns() {
  timespec t = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

bool is_left_out(const Status& s) { return s.code() == Code::kInvalid || s.code() == Code::kNotFound; }

}  // namespace

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::create(Options options, int64_t start_ns) {
  Id128 id;
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    return Status::from_errno("getrandom", errno);
  }
  std::unique_ptr<RecordingWriter> writer(new RecordingWriter(std::move(options)));
  writer->recording_ = hex_id(id);
  Result<Part> part = writer->create_part(0);
  if (!part.ok()) return part.status();
  writer->begin_part(std::move(*part));
  writer->now_ns_ = writer->part_ns_ = start_ns;
  return writer;
}

// Under the first name that is free; the first part has no other than its own.
Result<RecordingWriter::Part> RecordingWriter::create_part(uint64_t number) const {
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
      if (Status s = part.file->declare(topic.log); !s.ok()) return s;
    }
    if (name != first) {
      options_.warn(fmt::format("{} is there already: part {} of the recording is {}",
                                log_part_path(options_.output, first), number, part.path));
    }
    return part;
  }
}

void RecordingWriter::begin_part(Part part) {
  part_ = std::move(part);
  summary_.files.push_back(part_.path);
  part_ns_ = now_ns_;
  flushed_ns_ = boottime_ns();
  flush_after_ns_ = kFlushNs;
  carried_bytes_ = sample_bytes_ = 0;
  for (auto& [name, topic] : topics_) {
    if (!topic.recorded || topic.gone || topic.standing) continue;
    topic.standing = true;
    ++standing_;
  }
}

// Of whatever schema.
RecordingWriter::Topic* RecordingWriter::topic_of(const LogTopic* log) {
  Topic*& known = by_schema_[log];
  if (known == nullptr) {
    known = &topics_[log->name];
    known->name = log->name;
  }
  return known;
}

// The schema of `log` is the topic's from now on.
RecordingWriter::Topic* RecordingWriter::know(const LogTopic* log) {
  Topic* known = topic_of(log);
  if (known->log == log) return known;
  if (known->standing) --standing_;
  known->standing = known->recorded = false;
  known->current = KeptSample();
  known->log = log;
  return known;
}

void RecordingWriter::commit(bool kept) {
  const uint64_t events = std::exchange(open_events_, 0);
  if (kept) summary_.events += events;
  for (auto& [name, topic] : topics_) {
    const RecordedTopic open = std::exchange(topic.open, {});
    RecordedTopic& sum = summary_.topics[name];
    sum.missed += open.missed;
    sum.overflowed += open.overflowed;
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

Status RecordingWriter::write_event(const LogEvent& event, int64_t stamp_ns, int64_t receive_ns) {
  ++open_events_;
  return part_.file->write(events_.next(event, stamp_ns, receive_ns));
}

Status RecordingWriter::write_event_now(const std::string& topic, std::string_view what, uint64_t count) {
  return write_event(log_event(topic, what, count), realtime_ns(), wall_offset_ns_ + boottime_ns());
}

Status RecordingWriter::on_event(const BufferedEntry& entry) {
  LogEvent event;
  memcpy(&event, entry.bytes.data(), sizeof event);
  if (const auto known = topics_.find(event.topic); known != topics_.end()) {
    if (std::string_view(event.event) == "vanishes") known->second.gone = true;
    if (std::string_view(event.event) == "appears") known->second.gone = false;
  }
  return write_event(event, entry.stamp_ns, entry.receive_ns);
}

// Since the last flush.
Status RecordingWriter::write_losses() {
  for (const auto& [name, topic] : topics_) {
    Status s;
    if (topic.open.missed != 0) s = write_event_now(name, "missed", topic.open.missed);
    if (s.ok() && topic.open.overflowed != 0) s = write_event_now(name, "overflow", topic.open.overflowed);
    if (s.ok() && topic.open.left_out != 0) s = write_event_now(name, "left out", topic.open.left_out);
    if (!s.ok()) return s;
  }
  return Status();
}

// Writes the value of `topic` that stood when the part began: it comes before all that was received from
// `before_ns` on.
Status RecordingWriter::write_standing(Topic* topic, int64_t before_ns) {
  topic->standing = false;
  --standing_;
  LogSample sample = topic->current.sample();
  sample.receive_ns = std::min(wall_offset_ns_ + part_ns_, before_ns);
  sample.initial = true;
  const Status s = put_into_file(topic, sample);
  if (is_left_out(s)) {
    if (!topic->recorded) ++topic->open.left_out;
    return Status();
  }
  if (!s.ok()) return s;
  if (topic->recorded) {
    carried_bytes_ += sample.bytes.size();
  } else {
    ++topic->open.initial;
    topic->open.bytes += sample.bytes.size();
    topic->recorded = true;
  }
  return part_.file->full() ? flush_chunk() : Status();
}

// Writes all values that stood when the part began.
Status RecordingWriter::settle() {
  for (auto topic = topics_.begin(); topic != topics_.end() && standing_ != 0; ++topic) {
    if (!topic->second.standing) continue;
    if (Status s = write_standing(&topic->second, kNever); !s.ok()) return s;
  }
  return Status();
}

Status RecordingWriter::flush() {
  const Status settled = settle();
  return settled.ok() ? flush_chunk() : settled;
}

// The next flush is due after at least twice the time that this one has taken of the processor: where many
// datasets make it long, there is as much time for what is to be flushed.
Status RecordingWriter::flush_chunk() {
  const int64_t begin = processor_ns();
  Status s = write_losses();
  if (s.ok()) s = part_.file->flush();
  commit(s.ok());
  flushed_ns_ = boottime_ns();
  flush_after_ns_ = std::clamp(2 * (processor_ns() - begin), kFlushNs, kMaxFlushNs);
  summary_.file_bytes = file_bytes();
  return s;
}

// Begins the next part once the samples of this one are on the disk. An error: this one could not be closed,
// and the next, which holds nothing, is gone again.
Status RecordingWriter::split() {
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

void RecordingWriter::put_off_split(const Status& why) {
  no_split_before_ns_ = boottime_ns() + kRetrySplitNs;
  if (std::exchange(told_no_split_, true)) return;
  options_.warn(fmt::format("{}; recording goes on in {}", why.message(), part_.path));
}

int64_t RecordingWriter::split_due_ns() const {
  return options_.split_ns == 0 ? kNever : std::max(part_ns_ + options_.split_ns, no_split_before_ns_);
}

Status RecordingWriter::put_into_file(Topic* topic, const LogSample& sample) {
  const uint64_t size = sample.topic->schema.size;
  Status s;
  if (size != 0 && sample.bytes.size() != size) {  // a writer of its own kind
    s = {Code::kInvalid, fmt::format("{}: a sample of {} bytes, and the schema says {}", topic->name,
                                     sample.bytes.size(), size)};
  } else if (s = part_.file->write(sample); s.code() == Code::kNotFound) {
    if (s = split(); s.ok()) s = part_.file->write(sample);
  }
  if (is_left_out(s) && !std::exchange(topic->told, true)) {
    options_.warn(fmt::format("{}; left out, as others of {} that are like it", s.message(), topic->name));
  }
  return s;
}

Status RecordingWriter::write_sample(Topic* topic, const BufferedEntry& entry) {
  if (topic->standing) {
    if (Status s = write_standing(topic, entry.receive_ns); !s.ok()) return s;
  }
  topic->open.missed += entry.missed;
  const uint64_t missed = topic->missed + entry.missed + entry.lacking;
  const LogSample log = {topic->log, entry.sequence, entry.stamp_ns, entry.receive_ns, missed, entry.bytes};
  const Status s = put_into_file(topic, log);
  if (is_left_out(s)) {
    ++topic->open.left_out;
    topic->missed = missed + 1;
    return Status();
  }
  if (!s.ok()) {
    ++topic->open.left_out;
    return s;
  }
  topic->missed = 0;
  ++topic->open.samples;
  topic->open.bytes += entry.bytes.size();
  sample_bytes_ += entry.bytes.size();
  topic->current.keep(log);
  topic->recorded = true;
  return part_.file->full() ? flush_chunk() : Status();
}

Status RecordingWriter::write(const BufferedEntry& entry) {
  if (entry.kind == BufferedEntry::Kind::kEvent) return on_event(entry);
  Topic* topic = know(entry.topic);
  if (entry.kind == BufferedEntry::Kind::kSample) return write_sample(topic, entry);
  if (entry.kind == BufferedEntry::Kind::kInitial) {
    topic->current.keep({entry.topic, entry.sequence, entry.stamp_ns, entry.receive_ns, 0, entry.bytes});
    standing_ += topic->standing ? 0 : 1;
    topic->standing = true;
    return Status();
  }
  // So that the file need not end for its first sample. One that takes no new topic is left until then.
  const Status s = part_.file->declare(entry.topic);
  return s.code() == Code::kNotFound ? Status() : s;
}

Status RecordingWriter::write(const SampleBuffer::Block& block, size_t* at) {
  now_ns_ = std::max(now_ns_, block.boottime_ns());
  wall_offset_ns_ = block.wall_offset_ns();
  BufferedEntry entry;
  while (block.next(at, &entry)) {
    if (Status s = write(entry); !s.ok()) return s;
  }
  return Status();
}

void RecordingWriter::count(const std::map<const LogTopic*, BufferLosses>& losses) {
  for (const auto& [log, lost] : losses) {
    Topic* topic = topic_of(log);
    topic->open.missed += lost.missed;
    topic->open.overflowed += lost.overflowed;
  }
}

void RecordingWriter::drop(const SampleBuffer::Block& block, size_t at) {
  BufferedEntry entry;
  while (block.next(&at, &entry)) {
    using Kind = BufferedEntry::Kind;
    if (entry.kind != Kind::kSample && entry.kind != Kind::kInitial) continue;
    RecordedTopic& open = topic_of(entry.topic)->open;
    open.missed += entry.missed;
    ++open.left_out;
  }
}

Status RecordingWriter::step(int64_t written_until_ns, bool is_behind) {
  const int64_t now = boottime_ns();
  now_ns_ = std::max(now_ns_, written_until_ns);
  if (Status s = settle(); !s.ok()) return s;
  if (part_.file->open_bytes() == 0) flushed_ns_ = now;  // nothing waits for the disk
  if (now - checked_ns_ >= kCheckNs) {
    checked_ns_ = now;
    if (Status s = part_.file->check(); !s.ok()) return s;
  }
  if (now - flushed_ns_ >= (is_behind ? kMaxFlushNs : flush_after_ns_)) {
    if (Status s = flush(); !s.ok()) return s;
  }
  // A part is no smaller than what it began with, or each sample would begin another one.
  const bool full = options_.split_bytes != 0 && part_.file->bytes() >= options_.split_bytes &&
                    sample_bytes_ >= carried_bytes_;
  return full || now_ns_ >= split_due_ns() ? split() : Status();
}

int64_t RecordingWriter::due_ns() const {
  const int64_t flush_ns = part_.file->open_bytes() == 0 ? kNever : flushed_ns_ + flush_after_ns_;
  return std::min({checked_ns_ + kCheckNs, flush_ns, split_due_ns()});
}

Status RecordingWriter::finish() {
  const Status flushed = flush();
  const Status finished = part_.file->finish();
  summary_.file_bytes = file_bytes();
  return flushed.ok() ? finished : flushed;
}

}  // namespace smt::cmd
