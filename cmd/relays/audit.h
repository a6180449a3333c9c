// The audit of remote writes, done and refused: lines for the log, and lines of JSON in a file that a thread
// of its own writes.
#ifndef SMT_CMD_RELAYS_AUDIT_H_
#define SMT_CMD_RELAYS_AUDIT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cmd/cli/background_writer.h"
#include "relay/counters/message_key.h"
#include "relay/counters/severity.h"
#include "relay/writes/audit.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// One line in words, fit for a terminal; how grave it is; and what it is about: who holds a topic's lease is
// a state.
std::string audit_text(const relay::WriteEvent& event);
relay::Severity severity_of(const relay::WriteEvent& event);
relay::MessageKey audit_key(const relay::WriteEvent& event);

// An object: "time" "act" "topic" "value" "holder" "peer" "endpoint" "rule" "text". The value is what
// `smttopic echo` shows, or a text that is cut where it is longer than 1,000 bytes; null where there is none.
std::string audit_line(const relay::WriteEvent& event, int64_t realtime_ns);

// Lines that find no room, as the disk is full or the file has not been written for long, are counted: a line
// with the act "lost" tells their number when the writing goes on. A file that is removed or renamed is made
// anew at its path before the next line.
class AuditFile final : public relay::Audit {
 public:
  using Log =
      std::function<void(relay::Severity severity, const relay::MessageKey& key, const std::string& text)>;

  // See LineFile. "": all goes to the log only. kInvalid: it is no file; else as the system says.
  static Result<std::unique_ptr<AuditFile>> open(const std::string& path, Log log);

  uint64_t begin(std::span<const relay::WriteEvent> events) override;
  relay::LineFate fate(uint64_t ticket) const override;
  bool withdraw(uint64_t ticket) override;
  void done(const relay::WriteEvent& event) override;
  void tell(const relay::WriteEvent& event) override;

  // Can be read when poll() is due; -1: never.
  int fd() const;
  // Logs what could not be written, and what became of the file.
  void poll();
  // Does now what is done before the next line: looks whether the file is still at its path.
  void look_for_file();
  // Waits for what is not written yet, and so long at most; then as poll().
  void drain(int64_t max_ns);

 private:
  struct File;
  AuditFile(std::string path, Log log) : path_(std::move(path)), log_(std::move(log)) {}
  void report(int error) const;

  const std::string path_;
  const Log log_;
  std::shared_ptr<File> file_;              // the writer's thread has it too; null: there is none
  std::optional<BackgroundWriter> writer_;  // of the file
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAYS_AUDIT_H_
