// An attacker on the processors of its victims.
#ifndef SMT_TESTS_HOSTS_ELSEWHERE_H_
#define SMT_TESTS_HOSTS_ELSEWHERE_H_

#include <sched.h>

namespace smt::hosts {

// While it lives, this thread and those that it starts run only when nobody else would (SCHED_IDLE): what an
// attacker computes on a machine of its own costs nobody else anything. What its victims do for it does.
class Elsewhere {
 public:
  Elsewhere() { become(SCHED_IDLE); }
  ~Elsewhere() { become(SCHED_OTHER); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

 private:
  static void become(int policy) {
    const sched_param none{};
    (void)sched_setscheduler(0, policy, &none);
  }
};

}  // namespace smt::hosts

#endif  // SMT_TESTS_HOSTS_ELSEWHERE_H_
