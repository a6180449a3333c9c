// The audit as Writes sees it: events, and a record of them that another thread writes.
#ifndef SMT_RELAY_WRITES_AUDIT_H_
#define SMT_RELAY_WRITES_AUDIT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "shm/schema.h"

namespace smt::relay {

enum class WriteAct {
  kLease,      // taken
  kSet,        // a value
  kRefused,    // `text` says why
  kDenied,     // the same, for want of the right
  kReleased,   // the lease, by its holder
  kExpired,    // the lease, or the dead man's time, by silence
  kWithdrawn,  // the lease, as the rules are other ones or the relay ends
};

// One line of the audit. Valid during the call.
struct WriteEvent {
  WriteAct act = WriteAct::kSet;
  const std::string& topic;
  std::string holder, peer, endpoint;  // who, and where it came in
  std::string rule;                    // WriteRule::origin, or where the rule of access stands; "": none
  std::string text;                    // why, what follows
  const Schema* schema = nullptr;      // of `value`; null: there is none
  std::span<const std::byte> value = {};
  // A line before this one may say that the value was set, and it was not: this one is never left out.
  bool takes_back = false;
};

enum class LineFate { kWaits, kWritten, kFailed };

// No call waits for the record.
class Audit {
 public:
  virtual ~Audit() = default;

  // Hands over the lines of what is to be done, in one piece and behind all that were handed over before.
  // Their ticket, for withdraw() in the end.
  virtual uint64_t begin(std::span<const WriteEvent> events) = 0;
  // kFailed: there was no room for the lines, or they could not be written.
  virtual LineFate fate(uint64_t ticket) const = 0;
  // The ticket ends here; lines that still wait are taken back. True: the record has none of them.
  virtual bool withdraw(uint64_t ticket) = 0;
  // What was begun is done; its line is written.
  virtual void done(const WriteEvent& event) = 0;
  // What waits for no line. Where there is no room, the line is lost and counted.
  virtual void tell(const WriteEvent& event) = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_WRITES_AUDIT_H_
