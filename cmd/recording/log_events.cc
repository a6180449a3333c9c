#include "cmd/recording/log_events.h"

namespace smt::cmd {

LogEvents::LogEvents()
    : topic_(
          std::make_unique<LogTopic>(LogTopic{kLogEventsTopic, schema_of<LogEvent>(), "", "", "smtlogger"})) {
  sample_.topic = topic_.get();
}

LogEvent log_event(std::string_view topic, std::string_view event, uint64_t count) {
  LogEvent made = {};
  topic.copy(made.topic, sizeof made.topic);  // a name has 255 bytes at most
  event.copy(made.event, sizeof made.event);
  made.count = count;
  return made;
}

const LogSample& LogEvents::next(const LogEvent& event, int64_t stamp_ns, int64_t receive_ns) {
  event_ = event;
  ++sample_.sequence;
  sample_.stamp_ns = stamp_ns;
  sample_.receive_ns = receive_ns;
  sample_.bytes = std::as_bytes(std::span(&event_, 1));
  return sample_;
}

}  // namespace smt::cmd
