// Where a library sends its log lines: to a sink that it is given. It prints nothing itself.
#ifndef SMT_CMD_TEXT_LOG_SINK_H_
#define SMT_CMD_TEXT_LOG_SINK_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/text/words.h"

namespace smt::cmd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// The lowest level that a tool logs, as --log names it.
inline constexpr NamedValue<std::string_view> kLogThresholds[] = {{"trace", "trace"}, {"debug", "debug"},
                                                                  {"info", "info"},   {"warn", "warn"},
                                                                  {"error", "error"}, {"off", "off"}};

// A sink without a function drops every line.
class LogSink {
 public:
  using Write = std::function<void(LogLevel level, const std::string& line)>;

  LogSink() = default;
  explicit LogSink(Write write) : write_(std::move(write)) {}

  void log(LogLevel level, const std::string& line) const {
    if (write_) write_(level, line);
  }
  void debug(const std::string& line) const { log(LogLevel::kDebug, line); }
  void info(const std::string& line) const { log(LogLevel::kInfo, line); }
  void warn(const std::string& line) const { log(LogLevel::kWarning, line); }

 private:
  Write write_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_LOG_SINK_H_
