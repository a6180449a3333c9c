// Events of a recording's topics are one more topic of it: docs/logging.md, "Events".
#ifndef SMT_CMD_RECORDING_LOG_EVENTS_H_
#define SMT_CMD_RECORDING_LOG_EVENTS_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "cmd/recording/log_file.h"
#include "shm/fields.h"

namespace smt::cmd {

inline constexpr const char* kLogEventsTopic = "smt/logger/events";

struct LogEvent {
  char topic[256];
  char event[16];  // of TopicEvent, "missed", "overflow" or "left out"
  uint64_t count;  // samples missed, overflowed or left out, otherwise 0
};
SMT_FIELDS(LogEvent, topic, event, count)

LogEvent log_event(std::string_view topic, std::string_view event, uint64_t count);

class LogEvents {
 public:
  LogEvents();

  // Lives as long as this, wherever this is moved.
  const LogTopic* topic() const { return topic_.get(); }
  // The next sample of topic(); the times as of LogSample. It lives until the next call, or until this is
  // moved.
  const LogSample& next(const LogEvent& event, int64_t stamp_ns, int64_t receive_ns);

 private:
  std::unique_ptr<LogTopic> topic_;
  LogEvent event_ = {};
  LogSample sample_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_LOG_EVENTS_H_
