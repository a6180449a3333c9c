// What the many-process tests share: temporary domains, children of this binary, figures.
//
// A test program lists its modes in kModes; Child::spawn runs this same binary in one of them. SMT_SCALE
// chooses its size (tests/scale.h), SMT_SEED the random choices.
#ifndef SMT_TESTS_STORM_STORM_H_
#define SMT_TESTS_STORM_STORM_H_

#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "shm/domain.h"
#include "shm/fd.h"
#include "shm/status.h"
#include "tests/row.h"
#include "tests/temp_folder.h"

namespace smt::storm {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

using Args = std::vector<std::string>;
using Mode = int (*)(const Args&);
extern const std::map<std::string, Mode> kModes;  // defined by each test program

// How often, or for how long; how large a thing is (Scale::scaled, Scale::sized).
uint64_t scaled(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {});
uint64_t sized(uint64_t quick, uint64_t full, std::optional<uint64_t> ci = {});
// Bounds on time are this many times wider under a sanitizer.
int64_t patience_factor();
uint64_t seed_of_run();
std::mt19937_64& random_engine();
uint64_t random_below(uint64_t limit);

// Lets time pass: the random moment of a fault, or one step of a poll. Never a means of synchronisation.
void elapse(nanoseconds time);
// Polls the condition every millisecond. False: it did not come true in time.
bool await(milliseconds limit, const std::function<bool()>& condition);

// The value, or an exception with the reason, which ends the test or the child.
void must(const Status& status);
template <class T>
T must(Result<T> result) {
  if (!result.ok()) must(result.status());
  return std::move(*result);
}

// One line of figures, flushed, so that it stands before anything a child prints.
template <class... T>
void print_figures(fmt::format_string<T...> format, T&&... values) {
  fmt::print("figures: {}\n", fmt::format(format, std::forward<T>(values)...));
  fflush(stdout);
}

class Latencies {
 public:
  void add(int64_t ns) { ns_.push_back(ns); }
  void add(const Latencies& more) { ns_.insert(ns_.end(), more.ns_.begin(), more.ns_.end()); }
  size_t count() const { return ns_.size(); }
  double percentile_ms(double percent);  // nearest rank; 0 if there are none
  std::string text();                    // "p50 1.00 p99 2.00 max 3.00 ms of 100"

 private:
  std::vector<int64_t> ns_;
};

// A root folder of its own.
class TempRoot : public TempFolder {
 public:
  Domain open() const;
  // What lies in the domain folder, hidden names too, sorted.
  std::vector<std::string> files() const;
  // Memory behind the files of the domain folder, in bytes.
  uint64_t bytes() const;
};

Domain open_domain(const std::string& root);

// This binary in one of its modes. Killed and reaped when the object goes, and when this thread dies.
class Child {
 public:
  static Child spawn(const std::string& mode, const Args& args, bool new_pid_namespace = false);
  Child() = default;
  Child(Child&& o) noexcept { *this = std::move(o); }
  Child& operator=(Child&& o) noexcept;
  ~Child() { kill(); }

  pid_t pid() const { return pid_; }
  void kill();      // SIGKILL, reaped on return
  void kill_now();  // SIGKILL only
  int wait();       // for its own end; the exit status, or -1 if a signal ended it
  bool ended();     // by itself or by a signal; wait() then returns at once
  // One byte into its standard input.
  void tell(char byte = '\n');
  // The next line of its standard output; empty if none comes in time.
  std::string line(milliseconds limit = milliseconds(20'000));

 private:
  pid_t pid_ = 0;  // 0: none
  Fd in_, out_;
};

// In a child: prints a line for Child::line / waits for a byte of Child::tell. False: the parent is gone.
void say_line(const std::string& line);
bool wait_for_word();

}  // namespace smt::storm

#endif  // SMT_TESTS_STORM_STORM_H_
