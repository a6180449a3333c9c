// The audit of remote writes, done and refused: lines for the log, and lines of JSON in a file that nothing
// is left out of.
#ifndef SMT_CMD_SERVE_AUDIT_H_
#define SMT_CMD_SERVE_AUDIT_H_

#include <string>

#include "relay/counters/message_key.h"
#include "relay/counters/severity.h"
#include "relay/writes/writes.h"
#include "shm/fd.h"
#include "shm/status.h"

namespace smt::cmd {

// One line in words, fit for a terminal; how grave it is; and what it is about: who holds a topic's lease is
// a state.
std::string audit_text(const relay::WriteEvent& event);
relay::Severity severity_of(const relay::WriteEvent& event);
relay::MessageKey audit_key(const relay::WriteEvent& event);
// True: the event is written down first, and the act is refused where that fails.
bool is_done_afterwards(const relay::WriteEvent& event);

// An object: "time" "act" "topic" "value" "holder" "peer" "endpoint" "rule" "text". The value is what
// `smttopic echo` shows, or a text that is cut where it is longer than 1,000 bytes; null where there is none.
std::string audit_line(const relay::WriteEvent& event, int64_t realtime_ns);

class AuditFile {
 public:
  // Appends to the file, or makes it (0640). "": append() does nothing. kInvalid: it is no file; else as the
  // system says.
  static Result<AuditFile> open(const std::string& path);

  // Writes one line, in one piece; it is not synced to disk.
  Status append(const relay::WriteEvent& event);

 private:
  AuditFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
  bool cut_ = false;  // the last line was not written whole
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_AUDIT_H_
