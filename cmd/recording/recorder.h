// Records every sample of the topics that some patterns name, in one file or in parts.
#ifndef SMT_CMD_RECORDING_RECORDER_H_
#define SMT_CMD_RECORDING_RECORDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cmd/monitor/follow.h"
#include "cmd/monitor/topic_events.h"
#include "cmd/recording/current_samples.h"
#include "cmd/recording/log_events.h"
#include "cmd/recording/log_file.h"
#include "cmd/text/log_sink.h"
#include "cmd/text/loss_watch.h"
#include "relay/names/pattern_set.h"

namespace smt::cmd {

// How far a recording is.
struct RecordProgress {
  double seconds = 0;
  size_t topics = 0;
  uint64_t samples = 0;
  uint64_t missed = 0;
  uint64_t file_bytes = 0;
};

struct RecordOptions {
  std::string output = {};
  std::optional<int64_t> duration_ns = {};
  uint64_t split_bytes = 0;  // a new part at this size, 0: never
  int64_t split_ns = 0;      // a new part after so long, 0: never
  LogSink log = {};          // gets a warning of what is left out, and of a part that is not as it should be
  std::function<void(const RecordProgress& progress)> progress = {};  // called five times a second
  OnLost on_lost = OnLost::kRemake;                                   // nothing of a recorder is made again
};

// Counts of one topic's samples in the files.
struct RecordedTopic {
  uint64_t samples = 0;
  uint64_t initial = 0;   // the value that stood before the recording began; no sample
  uint64_t bytes = 0;     // of the values, both kinds
  uint64_t missed = 0;    // came too late for, while it was recorded
  uint64_t left_out = 0;  // too long for the format, or of a chunk that could not be written
};
struct RecordSummary {
  std::vector<std::string> files;
  std::map<std::string, RecordedTopic> topics;
  uint64_t events = 0;
  uint64_t file_bytes = 0;
  double seconds = 0;
};

// A part is there, with the number and the id that it tells, before the one before it is closed. If it cannot
// be made, recording goes on in that one, and it is tried again each second. Each part begins with the values
// that are current then, as initial ones: a part alone shows them, and those who read all parts skip them.
class Recorder {
 public:
  // Makes the first file, of a recording with an id of its own. The recording begins now.
  static Result<Recorder> open(const RecordOptions& options);

  // Until the duration is over or `stop_fd` can be read; what was published before that and after open() is
  // recorded. Of a topic that is there already the newest value of before is the initial one; what its ring
  // holds before that is history. An error, or an exception of a callback, ends it with a file that is good
  // up to its last chunk; `summary` tells of it too. `begin`: of the topics that are there.
  Status run(const Domain& domain, const relay::PatternSet& patterns, int stop_fd,
             Begin begin = Begin::kOldest);
  // Where there was nothing to record. Harmless behind run().
  Status finish();
  const RecordSummary& summary() const { return summary_; }

 private:
  struct Topic {
    std::unique_ptr<LogTopic> log;  // of the schema that it has now
    RecordedTopic open;             // since the last flush
    bool told = false;
    uint64_t missed = 0;    // samples left out, to be told with the next
    KeptSample current;     // of this schema
    bool recorded = false;  // and it is in a file
    bool gone = false;      // as of the last look
  };

  struct Part {
    std::unique_ptr<LogWriter> file;
    std::string path;
    uint64_t number = 0;       // in the recording
    uint64_t name_number = 0;  // in the file's name, which may be greater
  };

  explicit Recorder(const RecordOptions& options) : options_(options) {}
  Status record(const Domain& domain, const relay::PatternSet& patterns, int stop_fd, Begin begin);
  Result<Part> create_part(uint64_t number) const;
  void begin_part(Part part);
  Topic* know(const std::string& name, const Follower::Topic& from);
  Status declare_new(const std::map<std::string, Follower::Topic>& topics);
  std::vector<TopicEvent> look(const Domain& domain, const relay::PatternSet& patterns);
  Status write_event(const std::string& topic, std::string_view event, uint64_t count = 0);
  Status write_changes(const Domain& domain, const relay::PatternSet& patterns);
  Status write_losses();
  Status write_standing(const std::string& name, int64_t before_ns);
  Status settle();
  Status flush_chunk();
  Status flush();
  Status split();
  void put_off_split(const Status& why);
  int64_t split_due_ns() const;
  Status take_sample(const std::string& name, Follower::Topic& topic, const Sample& sample);
  Status write_sample(const std::string& name, Topic* topic, const LogSample& sample);
  void commit(bool kept);
  void warn_of_unmatched(const relay::PatternSet& patterns,
                         const std::map<std::string, Follower::Topic>& topics) const;
  void report_progress();

  RecordOptions options_;
  LogEvents events_;
  uint64_t open_events_ = 0;  // since the last flush
  TopicEvents seen_;
  std::string recording_;  // its id
  Part part_;
  std::map<std::string, Topic> topics_;
  std::vector<std::unique_ptr<LogTopic>> former_;  // writers know them
  std::set<std::string> opening_;   // topics of which older samples than the recording may still come
  std::set<std::string> standing_;  // those whose current sample is to be written as initial in this part
  RecordSummary summary_;
  // BOOTTIME
  int64_t start_ns_ = 0, part_ns_ = 0, flushed_ns_ = 0, looked_ns_ = 0, reported_ns_ = 0;
  int64_t no_split_before_ns_ = 0;
  bool told_no_split_ = false;
  int64_t wall_ns_ = 0;       // REALTIME less BOOTTIME
  uint64_t parts_bytes_ = 0;  // of the parts before
  // Of values in this part: of those that it began with, though recorded before, and of samples.
  uint64_t carried_bytes_ = 0, sample_bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_RECORDER_H_
