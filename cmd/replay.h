// A recording into shared memory: a folder of CSV files, one for each topic.
#ifndef SMT_CMD_REPLAY_H_
#define SMT_CMD_REPLAY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cmd/csv_file.h"
#include "cmd/progress_line.h"
#include "cmd/stop.h"
#include "shm/domain.h"
#include "shm/node.h"

namespace smt::cmd {

struct ReplayOptions {
  std::string folder;
  double speed = 1;
  bool asap = false;                   // no pacing
  int64_t max_gap_ns = 1'000'000'000;  // of recorded time, longer silence is shortened to it; 0: as recorded
  bool loop = false;
  std::string prefix;  // of all topic names; a '/' is put after it
  bool split = false;  // a topic for each field: <topic>/<field>
  uint32_t history = 4;
  int64_t max_age_ns = 0;
  NodeOptions node = {.name = "replay"};
};

struct ReplaySummary {
  uint64_t topics = 0;
  uint64_t samples = 0;  // values published
  uint64_t rows_skipped = 0;
  uint64_t files_left_out = 0;
  double seconds = 0;
  bool stopped = false;  // by a signal
};

class Replay {
 public:
  // Opens all files and advertises all topics. A file without a good header is left out with a warning.
  // kInvalid: not a folder of CSV files. kNotFound: no file that can be used. kDenied, and what Domain and
  // Node say.
  static Result<Replay> open(const Domain& domain, const ReplayOptions& options);

  // Publishes the rows of all files in the order of their timestamps (of equal ones, of the files' names).
  // Each row's time is counted from the start, so that delays do not add up. The recorded timestamp is the
  // stamp.
  Result<ReplaySummary> run(const Stop& stop);

 private:
  // A piece of a row, and where it goes: all of it, or with `split` one field.
  struct Part {
    uint32_t offset;
    uint64_t bytes;
    Publisher publisher;
  };
  struct Track {
    CsvFile file;
    std::vector<Part> parts;
  };

  explicit Replay(const ReplayOptions& options) : options_(options) {}
  Status Advertise(CsvFile file);
  Status Publish(Track* track);
  Status Pass(const Stop& stop);
  void ShowProgress();

  ReplayOptions options_;
  std::unique_ptr<Node> node_;
  std::vector<Track> tracks_;  // in the order of the files' names
  ReplaySummary summary_;
  int64_t start_ns_ = 0;   // BOOTTIME
  int64_t played_ns_ = 0;  // recorded time since the start, long gaps shortened
  ProgressLine progress_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_REPLAY_H_
