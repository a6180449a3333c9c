// A recording into shared memory.
#ifndef SMT_CMD_RECORDING_REPLAY_H_
#define SMT_CMD_RECORDING_REPLAY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/recording/current_samples.h"
#include "cmd/recording/log_file.h"
#include "cmd/recording/open_log.h"
#include "cmd/text/log_sink.h"
#include "cmd/text/loss_watch.h"
#include "cmd/value/csv_options.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::cmd {

// How far a replay is.
struct ReplayProgress {
  double read = 0;  // of the recording, 0 to 1
  uint64_t samples = 0;
  int64_t position_ns = 0;  // of recorded time
  bool paused = false;
};

struct ReplayOptions {
  std::string path = {};  // see open_log
  LogScope scope = LogScope::kRecording;
  CsvOptions csv = {};
  double speed = 1;
  bool asap = false;                   // no pacing
  int64_t max_gap_ns = 1'000'000'000;  // of recorded time, longer silence is shortened to it; 0: as recorded
  bool loop = false;
  int64_t start_ns = 0;     // of recorded time, left out at the beginning
  bool paused = false;      // at the beginning
  std::string prefix = {};  // of all topic names; a '/' is put after it
  bool split = false;       // a topic for each field: <topic>/<field>
  uint32_t history = 4;
  int64_t max_age_ns = 0;
  NodeOptions node = {.name = "replay"};
  OnLost on_lost = OnLost::kRemake;
  bool force = false;  // also topics that other programs publish meanwhile
  LogSink log = {};    // see open_log
  // Called five times a second, and when it is paused or goes on.
  std::function<void(const ReplayProgress& progress)> progress = {};
};

struct ReplaySummary {
  uint64_t topics = 0;
  uint64_t samples = 0;           // values published as they were recorded
  uint64_t initial = 0;           // values published as those that were current at a start
  uint64_t samples_left_out = 0;  // rows of CSV
  uint64_t topics_left_out = 0;   // files of CSV
  uint64_t bytes_left_out = 0;    // damaged
  uint64_t parts_left_out = 0;    // of the recording, which are not there
  double seconds = 0;
  bool stopped = false;               // by `stop_fd` or a key
  std::vector<std::string> problems;  // the first of what was left out, see LogReader
};

// Keys as they are pressed, by the names that Replay::run() tells. Without functions none come.
struct ReplayKeys {
  std::function<int()> fd;                         // to poll, -1: none come now
  std::function<std::vector<std::string>()> read;  // those that have come so far; does not block
};

class Replay {
 public:
  // Opens the recording and advertises all topics that it tells of. A topic with several schemas begins with
  // the first. kInUse: a live node publishes some of these topics here; the message names both. Else what
  // open_log, Domain and Node say.
  static Result<Replay> open(const Domain& domain, const ReplayOptions& options);

  // Publishes the samples in their order. Each one's time is counted from the start, so that delays do not
  // add up. The recorded stamp is the stamp. Each start, seek and loop first publishes what was current of
  // each topic at that point, as old as it was there. The keys: space pauses and goes on, '.' publishes one
  // sample and pauses, left and right go 5 s of recorded time, home to the start, 'q' ends it, as `stop_fd`
  // does when it can be read. Without keys those of the options count, and a replay that begins paused stays
  // so.
  Result<ReplaySummary> run(int stop_fd, const ReplayKeys& keys = {});

 private:
  // A piece of a value, and where it goes: all of it, or with `split` one field.
  struct Part {
    uint64_t offset, bytes;
    Publisher publisher;
  };

  Replay(const Domain& domain, const ReplayOptions& options)
      : domain_(domain), options_(options), losses_(domain, options.log, options.on_lost) {}
  struct Piece {
    uint64_t offset;
    TopicOptions topic;
  };
  std::vector<Piece> pieces_of(const LogTopic& topic) const;
  Status check_writers(const std::vector<const LogTopic*>& topics) const;
  Status advertise(const LogTopic* topic);
  Status publish(const LogSample& sample, int64_t age_ns, uint64_t* count);
  Status publish_current(int64_t point_ns);
  enum class Turn { kPublish, kSeek, kStop };
  Turn wait(int stop_fd, const ReplayKeys& keys);
  bool press(const std::string& key);
  void pause(bool on);
  void seek(int64_t position_ns);
  bool precedes_start(const LogSample& sample);
  Status pass(int stop_fd, const ReplayKeys& keys);
  void report_progress(bool paused);

  Domain domain_;
  ReplayOptions options_;
  std::unique_ptr<LogReader> log_;
  std::unique_ptr<Node> node_;
  LossWatch losses_;
  std::map<const LogTopic*, std::vector<Part>> parts_;  // of the topics that are advertised
  std::map<std::string, const LogTopic*> names_;        // of those
  ReplaySummary summary_;
  int64_t begun_ns_ = 0;             // BOOTTIME
  int64_t start_ns_ = 0;             // BOOTTIME at which the sample at played_ns_ = 0 was due
  int64_t played_ns_ = 0;            // recorded time since then, long gaps shortened
  int64_t paused_ns_ = 0;            // BOOTTIME since when; 0: not paused
  bool step_ = false;                // one sample is published all the same
  std::optional<int64_t> begin_ns_;  // receive time of the first sample of the recording that is not initial
  std::optional<int64_t> last_ns_;   // of the one that was due last; none at a start
  int64_t position_ns_ = 0;          // recorded time of the sample that is due next, from the first one
  int64_t skip_to_ns_ = 0;           // samples before it are left out
  CurrentSamples current_;           // of those that came so far, left out or not
  bool rewound_ = false;             // by a seek, so that no sample has come
  bool quit_ = false;
  bool reported_paused_ = false;
  int64_t reported_ns_ = 0;  // BOOTTIME
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_REPLAY_H_
