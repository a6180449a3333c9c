// A process tells the supervisor that started it as a service (systemd, crun) how it fares, as sd_notify(3)
// says.
#ifndef SMT_CMD_CLI_SERVICE_NOTIFIER_H_
#define SMT_CMD_CLI_SERVICE_NOTIFIER_H_

#include <cstdint>
#include <string>

#include "cmd/text/log_sink.h"
#include "shm/fd.h"

namespace smt::cmd {

// One thread. No method blocks. What the supervisor has no room for is kept and sent by look(), but for a
// WATCHDOG=1, which the next one replaces.
class ServiceNotifier {
 public:
  // `socket`: the path of a datagram socket, or '@' and the name of an abstract one; empty: nobody is told
  // anything. `watchdog_ns`: the supervisor ends the process after so long a silence; 0: never. `log` gets
  // one warning where the supervisor cannot be told.
  ServiceNotifier(std::string socket, int64_t watchdog_ns, LogSink log);
  // NOTIFY_SOCKET and, where WATCHDOG_PID is this process or not set, WATCHDOG_USEC.
  static ServiceNotifier from_environment(LogSink log);

  bool has_supervisor() const { return socket_.ok(); }
  // The service serves, after its start or a reload.
  void ready() { tell("READY=1"); }
  void reloading();
  void stopping() { tell("STOPPING=1"); }
  // One line for people; its control characters are replaced. The text of the last time is not sent again.
  void status(const std::string& text);

  // Sends what is due. The owner's loop calls it, so a loop that stands still is noticed: WATCHDOG=1 goes out
  // at half of the watchdog's time. Returns the BOOTTIME of the next call, or kNever.
  int64_t look(int64_t now_ns);

 private:
  bool has_unsent() const { return !unsent_.empty() || !is_status_sent_; }
  void tell(const std::string& line);
  void flush();
  // False: it may be possible later.
  bool send(const std::string& lines);

  std::string path_;  // as in sun_path
  Fd socket_;
  LogSink log_;
  int64_t beat_ns_ = 0;  // 0: there is no watchdog
  int64_t next_beat_ns_ = 0;
  std::string unsent_;  // lines, without the status
  std::string status_;
  bool is_status_sent_ = true;
  int64_t retry_ns_ = 0;  // between two attempts to send what is unsent
  int64_t next_retry_ns_ = 0;
  bool has_warned_ = false;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_SERVICE_NOTIFIER_H_
