// Where the records of an MCAP file begin, also behind damaged ones: a record proves itself by its bytes.
#ifndef SMT_CMD_RECORDING_MCAP_SCAN_H_
#define SMT_CMD_RECORDING_MCAP_SCAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/recording/mcap_records.h"
#include "shm/fd.h"

namespace smt::cmd {

inline constexpr uint64_t kMaxMcapBytes = 64 << 20;  // of a record, of a chunk unpacked, of the summary

// One thread. The file is hostile: what is looked at in search of a record has a limit, see charge().
class McapScan {
 public:
  McapScan(Fd fd, uint64_t bytes) : fd_(std::move(fd)), bytes_(bytes), end_(bytes) {}

  uint64_t bytes() const { return bytes_; }
  // Where the data ends: at the summary, if it is whole, else with the file.
  uint64_t end() const { return end_; }
  // What a summary that is whole tells: the end of the data, and the heads of records by their places.
  void believe(uint64_t end, std::map<uint64_t, McapHead> places);

  // Bytes of the file, fewer where it ends or cannot be read. They live until the next call of a function
  // that is not const.
  std::string_view view(uint64_t at, uint64_t bytes);
  // The head that stands at `at`; no opcode where no head fits before the end of the data.
  McapHead head(uint64_t at);
  // The head of the record at `at` as the summary has it.
  std::optional<McapHead> known_head(uint64_t at) const;
  // The first place behind `at` that the summary knows, else the end of the data.
  uint64_t next_place(uint64_t at) const;

  // See inner_bytes() of records; `body` is where the body begins.
  std::optional<uint64_t> inner_bytes(McapOp op, uint64_t body);
  // Whether the record at `at` ends before the data does, and is one of its kind up to its last byte. A
  // message is never: it does not say how long it is.
  bool is_exact(uint64_t at, const McapHead& head);
  // Whether data may go on at `at`: a record that fits begins there, or one that the end of a file without a
  // summary cuts off; or the data ends there.
  bool goes_on(uint64_t at) { return goes_on(at, 0); }
  // Whether the record at `at`, which does not prove itself, may end at `end`: none that proves itself begins
  // before that, as a damaged length would leave it out; and data may go on at `end`, or a damaged record is
  // there whose head is good but for a byte. The bytes of a message, or of a record that is not known, could
  // prove themselves too; there it is enough that data may go on.
  bool ends_at(uint64_t at, uint64_t end);
  // The first record from `from` on, before `limit`, that proves itself: it is exact, or it is a message with
  // more records behind it. `only_data`: of chunks, messages, attachments and metadata. Nothing: there is
  // none, or too much has been looked at.
  std::optional<uint64_t> find(uint64_t from, uint64_t limit, bool only_data = false);

  // So many bytes were looked at, besides those that view() has read. When all are many times the bytes of
  // the file, find() gives up; until forgive().
  void charge(uint64_t bytes) { charged_ += bytes; }
  void forgive() { charged_ = 0; }

 private:
  bool is_torn(uint64_t at);
  bool goes_on(uint64_t at, int more);
  bool fits(uint64_t at, int more);
  bool is_damaged(uint64_t end, uint64_t next);

  Fd fd_;
  uint64_t bytes_, end_;
  std::map<uint64_t, McapHead> places_;
  std::string block_;  // the bytes that were read last
  uint64_t block_at_ = 0, charged_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_MCAP_SCAN_H_
