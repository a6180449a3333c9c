// Deadlines, and sleeping until one of them or until a descriptor ends the sleep.
#ifndef SMT_CMD_TEXT_DEADLINE_H_
#define SMT_CMD_TEXT_DEADLINE_H_

#include <cstdint>
#include <limits>
#include <optional>

namespace smt::cmd {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// BOOTTIME at which `duration_ns` from now is over; kNever without a duration.
int64_t deadline_after(std::optional<int64_t> duration_ns);

// Returns at the BOOTTIME `until_ns` or when `wake_fd` can be read (false), or when `stop_fd` can be read
// (true). Descriptors may be -1. Deadlines are absolute: waiting for one after the other adds up no error.
bool sleep_until(int64_t until_ns, int stop_fd, int wake_fd = -1);

// `stop_fd` can be read now.
inline bool is_stopped(int stop_fd) { return sleep_until(0, stop_fd); }

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_DEADLINE_H_
