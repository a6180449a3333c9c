// Signals are for the thread that asks for them.
#ifndef SMT_CMD_TEXT_SIGNALS_BLOCKED_H_
#define SMT_CMD_TEXT_SIGNALS_BLOCKED_H_

#include <signal.h>

namespace smt::cmd {

// While it lives, threads that are started have all signals blocked.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_SIGNALS_BLOCKED_H_
