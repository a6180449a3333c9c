// Records every sample of the topics that some patterns name, in one file or in parts.
#ifndef SMT_CMD_RECORDING_RECORDER_H_
#define SMT_CMD_RECORDING_RECORDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cmd/monitor/follow.h"
#include "cmd/monitor/topic_events.h"
#include "cmd/recording/current_samples.h"
#include "cmd/recording/log_events.h"
#include "cmd/recording/recording_writer.h"
#include "cmd/recording/sample_buffer.h"
#include "cmd/text/log_sink.h"
#include "cmd/text/loss_watch.h"
#include "relay/names/pattern_set.h"

namespace smt::cmd {

class WritingThread;

// How far a recording is.
struct RecordProgress {
  double seconds = 0;
  size_t topics = 0;
  uint64_t samples = 0;  // taken
  uint64_t missed = 0;
  uint64_t overflowed = 0;
  uint64_t file_bytes = 0;
  uint64_t buffered_bytes = 0;
};

// Some 3.5 s of a million samples of 8 bytes a second, or 2 s of 128 MB/s: longer than a disk stands still
// that sorts itself out.
inline constexpr uint64_t kDefaultBufferBytes = 256 << 20;

struct RecordOptions {
  std::string output = {};
  std::optional<int64_t> duration_ns = {};
  uint64_t split_bytes = 0;  // a new part at this size, 0: never
  int64_t split_ns = 0;      // a new part after so long, 0: never
  LogSink log = {};          // gets a warning of what is left out, and of a part that is not as it should be
  std::function<void(const RecordProgress& progress)> progress = {};  // called five times a second
  OnLost on_lost = OnLost::kRemake;                                   // nothing of a recorder is made again
  uint64_t buffer_bytes = kDefaultBufferBytes;                        // what waits for the disk at most
};

// The thread that calls takes the samples into a buffer, and never waits for the disk; a thread of this
// object packs and writes what is there. All callbacks are called by the thread that calls.
class Recorder {
 public:
  // Makes the first file, of a recording with an id of its own. The recording begins now.
  static Result<Recorder> open(const RecordOptions& options);
  Recorder(Recorder&&) noexcept;
  // Without finish() the file stays without its end.
  ~Recorder();

  // Until the duration is over or `stop_fd` can be read; what was published before that and after open() is
  // recorded, and written when it returns. Of a topic that is there already the newest value of before is the
  // initial one; what its ring holds before that is history. An error, or an exception of a callback, ends it
  // with a file that is good up to its last chunk; `summary` tells of it too. `begin`: of the topics that are
  // there.
  Status run(const Domain& domain, const relay::PatternSet& patterns, int stop_fd,
             Begin begin = Begin::kOldest);
  // Where there was nothing to record. Harmless behind run().
  Status finish();
  // After one of them.
  const RecordSummary& summary() const { return summary_; }

 private:
  struct Topic {
    std::unique_ptr<LogTopic> log;  // of the schema that it has now
    uint64_t checked = 0;           // the schema, in that round
    uint64_t lacking = 0;           // samples since the last one that the buffer had room for
    bool is_opening = false;        // older samples than the recording may still come
    KeptSample older;               // the newest of those, until the buffer has it

    bool has_older() const { return older.sample().topic != nullptr; }
  };
  struct Event {
    LogEvent event;
    int64_t stamp_ns, receive_ns;
  };

  explicit Recorder(const RecordOptions& options);
  Status record(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin);
  Topic* know(const std::string& name, Follower::Topic& from);
  void take_sample(const std::string& name, Follower::Topic& from, const Sample& sample);
  bool put_older(Topic* topic);
  void settle(const Follower& follower);
  void declare_new(std::map<std::string, Follower::Topic>& topics);
  std::vector<TopicEvent> look(const Domain& domain, const relay::PatternSet& patterns);
  void put_changes(const Domain& domain, const relay::PatternSet& patterns);
  void warn_of_unmatched(const relay::PatternSet& patterns,
                         const std::map<std::string, Follower::Topic>& topics) const;
  void tell_overflow();
  void report_news();
  void report_progress();

  RecordOptions options_;
  std::unique_ptr<SampleBuffer> buffer_;
  std::vector<std::unique_ptr<LogTopic>> former_;  // the writing thread knows them
  std::unordered_map<const Follower::Topic*, Topic> topics_;
  std::unique_ptr<WritingThread> writing_;  // ends before what it knows
  size_t opening_ = 0, older_ = 0;          // topics that are, and that have one
  TopicEvents seen_;
  std::vector<Event> events_;  // that the buffer has not yet
  RecordSummary summary_;
  RecordProgress progress_;
  std::optional<int64_t> overflow_ns_;  // the buffer has been full since then
  uint64_t told_overflowed_ = 0;
  // BOOTTIME
  int64_t start_ns_ = 0, looked_ns_ = 0, declared_ns_ = 0, reported_ns_ = 0;
  std::optional<int64_t> ended_ns_;
  int64_t wall_offset_ns_ = 0;  // REALTIME less BOOTTIME
  uint64_t round_ = 0;          // of draining
  size_t declared_ = 0;         // topics that were looked at for that
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_RECORDER_H_
