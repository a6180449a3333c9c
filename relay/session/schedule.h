// Which sessions a step of a relay is for: those that something has happened to, and those whose time has
// come. All others cost it nothing.
#ifndef SMT_RELAY_SESSION_SCHEDULE_H_
#define SMT_RELAY_SESSION_SCHEDULE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace smt::relay {

// Sessions are named by their keys; one that has ended may still be named. Reads no clock.
class Schedule {
 public:
  // A session's own part of it.
  struct Turn {
    bool is_awake = false;
    int64_t due_ns = INT64_MAX;        // as it was said last
    int64_t waits_for_ns = INT64_MAX;  // when wake_due() looks at it: then, or earlier
  };

  // Something has happened to the session.
  void wake(uint64_t key, Turn* turn) {
    if (!std::exchange(turn->is_awake, true)) awake_.push_back(key);
  }
  // The session is due at `due_ns`, whatever was said before. A time that is put off costs nothing before the
  // earlier one is the first of all.
  void wake_at(uint64_t key, Turn* turn, int64_t due_ns) {
    turn->due_ns = due_ns;
    if (due_ns >= turn->waits_for_ns) return;
    turn->waits_for_ns = due_ns;
    push({due_ns, key});
  }

  // Wakes the sessions whose time has come. `find(key)` returns a pointer to the session, which has turn();
  // null: it has ended.
  template <class Find>
  void wake_due(int64_t now_ns, const Find& find) {
    while (!times_.empty() && times_.front().due_ns <= now_ns) {
      const Time time = pop();
      auto* const session = find(time.key);
      if (session == nullptr || session->turn().waits_for_ns != time.due_ns) continue;
      session->turn().waits_for_ns = INT64_MAX;
      if (session->turn().due_ns > now_ns) {
        wake_at(time.key, &session->turn(), session->turn().due_ns);
      } else {
        wake(time.key, &session->turn());
      }
    }
  }
  // The sessions that are awake, in the order in which they woke. Those that wake meanwhile follow.
  const std::vector<uint64_t>& awake() const { return awake_; }
  // The same in the order of their keys, in place of what is in `*to`; none is awake then, once the caller
  // has set is_awake of each to false.
  void take_awake(std::vector<uint64_t>* to) {
    to->clear();
    std::swap(*to, awake_);
    std::sort(to->begin(), to->end());
  }
  // When the first session is due; INT64_MAX: none is. `find`: as above.
  template <class Find>
  int64_t first_due_ns(const Find& find) {
    while (!times_.empty()) {
      const Time first = times_.front();
      auto* const session = find(first.key);
      const bool is_turn = session != nullptr && session->turn().waits_for_ns == first.due_ns;
      if (is_turn && session->turn().due_ns <= first.due_ns) return first.due_ns;
      pop();
      if (!is_turn) continue;
      session->turn().waits_for_ns = INT64_MAX;
      wake_at(first.key, &session->turn(), session->turn().due_ns);
    }
    return INT64_MAX;
  }

 private:
  struct Time {
    int64_t due_ns;
    uint64_t key;
  };
  static bool is_later(const Time& a, const Time& b) {
    return std::pair(a.due_ns, a.key) > std::pair(b.due_ns, b.key);
  }
  void push(const Time& time) {
    times_.push_back(time);
    std::push_heap(times_.begin(), times_.end(), is_later);
  }
  Time pop() {
    std::pop_heap(times_.begin(), times_.end(), is_later);
    const Time time = times_.back();
    times_.pop_back();
    return time;
  }

  std::vector<uint64_t> awake_;
  std::vector<Time> times_;  // a heap, the earliest first; what is no session's turn any more is passed over
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_SCHEDULE_H_
