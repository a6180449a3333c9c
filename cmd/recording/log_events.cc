#include "cmd/recording/log_events.h"

#include "shm/clock.h"

namespace smt::cmd {

LogEvents::LogEvents()
    : topic_(
          std::make_unique<LogTopic>(LogTopic{kLogEventsTopic, schema_of<LogEvent>(), "", "", "smtlogger"})) {
  sample_.topic = topic_.get();
}

const LogSample& LogEvents::next(const std::string& topic, std::string_view event, uint64_t count,
                                 int64_t receive_ns) {
  event_ = {};
  topic.copy(event_.topic, sizeof event_.topic);  // a name has 255 bytes at most
  event.copy(event_.event, sizeof event_.event);
  event_.count = count;
  ++sample_.sequence;
  sample_.stamp_ns = realtime_ns();
  sample_.receive_ns = receive_ns;
  sample_.bytes = std::as_bytes(std::span(&event_, 1));
  return sample_;
}

}  // namespace smt::cmd
