// Samples in an MCAP file that viewers read without this code: docs/logging.md has the layout.
#ifndef SMT_CMD_RECORDING_MCAP_LOG_H_
#define SMT_CMD_RECORDING_MCAP_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/recording/log_file.h"
#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/mcap_writer.h"

namespace smt::cmd {

// How names of metadata records of ours begin.
inline constexpr std::string_view kOwnMetadata = "smt.";

class McapLogWriter final : public LogWriter {
 public:
  static Result<std::unique_ptr<LogWriter>> create(const std::string& path, const LogPart& part = {});

  Status declare(const LogTopic*) override { return Status(); }
  Status write(const LogSample& sample) override;
  uint64_t open_bytes() const override { return file_.open_bytes(); }
  Status flush() override;
  void set_next_part(std::optional<uint64_t> next) override { next_part_ = next; }
  Status finish() override;
  uint64_t bytes() const override { return file_.bytes(); }
  Status check() const override { return file_.check(); }

 private:
  explicit McapLogWriter(McapWriter file) : file_(std::move(file)) {}
  Result<uint16_t> channel_of(const LogSample& sample);
  Status write_missed(const LogSample& sample);

  McapWriter file_;
  std::optional<uint64_t> next_part_;
  std::map<std::string, uint16_t> schemas_;                            // by the schema's text
  std::map<std::pair<const LogTopic*, uint64_t>, uint16_t> channels_;  // and the sequence's high half
  uint16_t missed_channel_ = 0;                                        // 0: not yet there
  std::map<std::string, std::string> initial_;  // of the chunk that is open: sequences by topic
};

class McapLogReader final : public LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(const std::string& path);

  std::vector<const LogTopic*> topics() const override;
  bool next(LogSample* sample) override;
  void rewind() override;
  double progress() const override { return file_.progress(); }
  bool complete() const override { return file_.summary().has_value(); }
  LogPart part() const override { return part_; }
  uint64_t topics_left_out() const override { return topics_left_out_; }
  uint64_t samples_left_out() const override { return samples_left_out_; }
  uint64_t bytes_left_out() const override { return file_.bytes_left_out(); }
  uint64_t records_beside() const override { return records_beside_ + file_.unknown_records(); }
  std::vector<std::string> problems() const override;

 private:
  struct Channel {
    const LogTopic* topic = nullptr;  // null: not of ours
    uint64_t sequence_high = 0;
    bool is_missed = false;
  };
  explicit McapLogReader(McapReader file) : file_(std::move(file)) {}
  void learn_part();
  void learn_channels();
  Status learn_channel(const McapChannel& raw, Channel* channel);
  const LogTopic* add_topic(LogTopic topic);
  void learn_missed(std::string_view text);
  void learn_initial(const McapMetadata& metadata);
  void meet_beside(const McapBeside& beside);
  bool is_initial(const LogSample& sample);
  void leave_out(const std::string& why);
  bool next_message(McapMessage* message);

  McapReader file_;
  LogPart part_;
  std::vector<std::unique_ptr<LogTopic>> topics_;
  std::map<uint16_t, Channel> channels_;
  std::map<std::string, std::pair<uint64_t, uint64_t>>
      missed_;                               // topic: the sequence after the gap, how many
  std::map<std::string, uint64_t> initial_;  // topic: the sequence that the file tells; of the first sample
  std::set<std::string> begun_;              // topics of which a sample has come
  std::vector<std::byte> value_;
  uint64_t topics_left_out_ = 0, samples_left_out_ = 0, records_beside_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_LOG_H_
