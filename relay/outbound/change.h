// Whether a value differs from the one sent last: by a byte, or, with a deadband, by more than noise.
#ifndef SMT_RELAY_OUTBOUND_CHANGE_H_
#define SMT_RELAY_OUTBOUND_CHANGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/frame/frame.h"
#include "shm/schema.h"

namespace smt::relay {

class ChangeFilter {
 public:
  // `schema`: of the values, see Schema::text(). deadband > 0: numbers (no bool) that differ by no more are
  // equal, and so is what lies between fields. Values without fields are compared by their bytes.
  ChangeFilter(const std::string& schema, double deadband);

  bool changed(std::span<const std::byte> value) const;
  void on_sent(std::span<const std::byte> value, int64_t now_ns);
  // The same of a large value, in pieces: `max_bytes` of it from `*compared` on, 0 at first. Nothing: no
  // difference so far, and there is more.
  std::optional<bool> changed(const Frame& value, size_t max_bytes, size_t* compared) const;
  void on_sent(const Frame& value, int64_t now_ns);
  // When on_sent() was called last; 0: never.
  int64_t sent_ns() const { return sent_ns_; }

 private:
  bool differs(std::span<const std::byte> value, size_t begin, size_t end) const;

  double deadband_;
  std::vector<Field> fields_;  // with a deadband
  KeptValue value_;            // likewise, and if it is large
  uint64_t fingerprint_ = 0;   // without one
  uint64_t bytes_ = 0;
  int64_t sent_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_CHANGE_H_
