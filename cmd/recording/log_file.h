// The interface of the file formats of recordings: samples go in, and the same samples come out.
#ifndef SMT_CMD_RECORDING_LOG_FILE_H_
#define SMT_CMD_RECORDING_LOG_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

inline constexpr uint64_t kFlushBytes = 1 << 20;      // of a writer that does not say otherwise
inline constexpr size_t kToldProblems = 10;           // in problems() of a reader
inline constexpr uint64_t kMaxValueBytes = 64 << 20;  // that a reader takes

// A topic under one schema; under another it is another one.
struct LogTopic {
  std::string name;
  Schema schema;
  std::string host, domain, node;  // of the first publisher, as it was when the topic was first recorded
};

struct LogSample {
  const LogTopic* topic = nullptr;
  uint64_t sequence = 0;
  int64_t stamp_ns = 0;
  int64_t receive_ns = 0;  // REALTIME of writing into the ring that it was recorded from
  uint64_t missed = 0;     // samples of the topic just before this one that the recording does not have
  std::span<const std::byte> bytes;
  // It stood before the recording, or this part of it, began, and was current then: the first of its topic.
  // receive_ns is that beginning, and the stamp tells its age.
  bool initial = false;
};

// Which part of which recording a file is.
struct LogPart {
  std::string recording;  // 32 hex digits that were drawn when it began; "": the file does not say
  uint64_t number = 0;
  std::optional<uint64_t> next = {};  // the part that follows, as far as this one knows
};
inline constexpr uint64_t kMaxLogParts = 1'000'000;  // greater numbers are not believed

// One thread. Topics outlive the writer.
class LogWriter {
 public:
  virtual ~LogWriter() = default;

  // The topic will be written, sooner or later. kNotFound: the file takes no new topic any more, and a new
  // part must be begun.
  virtual Status declare(const LogTopic* topic) = 0;
  // Takes the sample to what flush() will write; the caller flushes when it is full(). kInvalid: this
  // sample does not fit into such a file. kNotFound: as declare(), which need not have been called.
  virtual Status write(const LogSample& sample) = 0;
  virtual uint64_t open_bytes() const = 0;
  // So many bytes are open that no more should be kept in memory.
  virtual bool full() const { return open_bytes() >= kFlushBytes; }
  // Returns when what was written is on the disk. After an error it is lost, all before it is kept.
  virtual Status flush() = 0;
  // Part `next` follows, or none does; finish() writes it down.
  virtual void set_next_part(std::optional<uint64_t> /*next*/) {}
  // Flushes, and makes the file complete. The last call; also worth a try after an error, and harmless after
  // success.
  virtual Status finish() = 0;
  // Of the file.
  virtual uint64_t bytes() const = 0;
  // kSystem: nobody will find what is written, as the file has been deleted meanwhile.
  virtual Status check() const { return Status(); }
};

// One thread. The file is hostile: what cannot be a sample is left out, counted and told.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Those known so far: of a complete file all. They live as long as the reader.
  virtual std::vector<const LogTopic*> topics() const = 0;
  // The next sample, by its receive time (those of one second or so may be out of order between two chunks).
  // `initial` is believed only of the first sample that comes of a topic.
  // It lives until the next call. False: there is none.
  virtual bool next(LogSample* sample) = 0;
  // Back to the start; counts begin anew. topics() stay known.
  virtual void rewind() = 0;

  // How much has been read, 0 to 1.
  virtual double progress() const = 0;
  // Its writer came to the end.
  virtual bool complete() const = 0;
  virtual LogPart part() const { return {}; }
  // Of several parts that are read as one: their files in order. Else empty.
  virtual std::vector<std::string> part_files() const { return {}; }
  // Topics, samples and damaged bytes that could not be used so far, and why, the first of them.
  virtual uint64_t topics_left_out() const = 0;
  virtual uint64_t samples_left_out() const = 0;
  virtual uint64_t bytes_left_out() const = 0;
  virtual uint64_t parts_left_out() const { return 0; }
  // What is whole and no sample, so far: attachments, and metadata of other programs.
  virtual uint64_t records_beside() const { return 0; }
  virtual std::vector<std::string> problems() const = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_LOG_FILE_H_
