// Writes what a recorder takes into the parts of its recording.
#ifndef SMT_CMD_RECORDING_RECORDING_WRITER_H_
#define SMT_CMD_RECORDING_RECORDING_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "cmd/recording/current_samples.h"
#include "cmd/recording/log_events.h"
#include "cmd/recording/log_file.h"
#include "cmd/recording/sample_buffer.h"

namespace smt::cmd {

// Counts of one topic's samples in the files.
struct RecordedTopic {
  uint64_t samples = 0;
  uint64_t initial = 0;     // the value that stood before the recording began; no sample
  uint64_t bytes = 0;       // of the values, both kinds
  uint64_t missed = 0;      // came too late for, while it was recorded
  uint64_t overflowed = 0;  // taken, while the buffer had no room
  uint64_t left_out = 0;    // too long for the format, or of a chunk that could not be written
};
struct RecordSummary {
  std::vector<std::string> files;
  std::map<std::string, RecordedTopic> topics;
  uint64_t events = 0;
  uint64_t file_bytes = 0;
  uint64_t buffer_bytes = 0, max_buffered_bytes = 0;  // the size of the buffer, and what was in it at most
  double seconds = 0;
};

// A part is there, with the number and the id that it tells, before the one before it is closed. If it cannot
// be made, recording goes on in that one, and it is tried again each second. Each part begins with the values
// that are current then, as initial ones: a part alone shows them, and those who read all parts skip them.
// One thread, the writing one: a call takes as long as its disk does.
class RecordingWriter {
 public:
  struct Options {
    std::string output;
    uint64_t split_bytes = 0;  // a new part at this size, 0: never
    int64_t split_ns = 0;      // a new part after so long, 0: never
    std::function<void(const std::string& line)> warn;
  };

  // Makes the first file, of a recording with an id of its own, that began at `start_ns` (BOOTTIME).
  static Result<std::unique_ptr<RecordingWriter>> create(Options options, int64_t start_ns);

  // An error of these is the end: finish() follows, with drop() for all that is not written.
  // Writes the entries of `block` from `*at` on, and moves that behind the last one that it has met.
  Status write(const SampleBuffer::Block& block, size_t* at);
  void count(const std::map<const LogTopic*, BufferLosses>& losses);
  // Does what is due. All that was taken until then (BOOTTIME) has been written. A flush waits for a writer
  // that is behind, for some seconds: what is in the buffer is no safer for it.
  Status step(int64_t written_until_ns, bool is_behind);
  // BOOTTIME at which step() has something to do.
  int64_t due_ns() const;
  // Counts the entries of `block` from `at` on as left out.
  void drop(const SampleBuffer::Block& block, size_t at);

  // Writes what is open, and makes the file complete; of an error `summary` tells too. The last call.
  Status finish();
  const RecordSummary& summary() const { return summary_; }
  uint64_t file_bytes() const { return parts_bytes_ + part_.file->bytes(); }

 private:
  struct Topic {
    std::string name;
    const LogTopic* log = nullptr;  // of the schema that it has now
    RecordedTopic open;             // since the last flush
    bool told = false;
    uint64_t missed = 0;    // samples left out, to be told with the next
    KeptSample current;     // of this schema
    bool recorded = false;  // and it is in a file
    bool standing = false;  // and it is to be written as initial in this part
    bool gone = false;      // as of the last event
  };
  struct Part {
    std::unique_ptr<LogWriter> file;
    std::string path;
    uint64_t number = 0;       // in the recording
    uint64_t name_number = 0;  // in the file's name, which may be greater
  };

  explicit RecordingWriter(Options options) : options_(std::move(options)) {}
  Result<Part> create_part(uint64_t number) const;
  void begin_part(Part part);
  Topic* topic_of(const LogTopic* log);
  Topic* know(const LogTopic* log);
  Status write(const BufferedEntry& entry);
  Status write_sample(Topic* topic, const BufferedEntry& entry);
  Status write_event(const LogEvent& event, int64_t stamp_ns, int64_t receive_ns);
  Status write_event_now(const std::string& topic, std::string_view what, uint64_t count);
  Status on_event(const BufferedEntry& entry);
  Status write_losses();
  Status write_standing(Topic* topic, int64_t before_ns);
  Status put_into_file(Topic* topic, const LogSample& sample);
  Status settle();
  Status flush();
  Status flush_chunk();
  Status split();
  void put_off_split(const Status& why);
  int64_t split_due_ns() const;
  void commit(bool kept);

  Options options_;
  LogEvents events_;
  uint64_t open_events_ = 0;  // since the last flush
  std::string recording_;     // its id
  Part part_;
  std::map<std::string, Topic> topics_;                    // by name
  std::unordered_map<const LogTopic*, Topic*> by_schema_;  // those of former schemas too
  size_t standing_ = 0;                                    // topics of which a value is
  RecordSummary summary_;
  // BOOTTIME. Samples up to now_ns_ are in the file: less than the time that it is while the buffer holds
  // some.
  int64_t now_ns_ = 0, part_ns_ = 0;
  int64_t flushed_ns_ = 0, flush_after_ns_, checked_ns_ = 0;
  int64_t no_split_before_ns_ = 0;
  bool told_no_split_ = false;
  int64_t wall_offset_ns_ = 0;  // REALTIME less BOOTTIME
  uint64_t parts_bytes_ = 0;    // of the parts before
  // Bytes of values in this part: the part began with the first, which parts before have recorded; samples
  // brought the others.
  uint64_t carried_bytes_ = 0, sample_bytes_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_RECORDING_WRITER_H_
