// A limit of the sizes of files, as `ulimit -f` sets it.
#ifndef SMT_TESTS_SIZE_LIMIT_H_
#define SMT_TESTS_SIZE_LIMIT_H_

#include <signal.h>
#include <sys/resource.h>

#include <cstdint>

namespace smt {

// While it lives, files of this process, and of processes that it starts, have at most so many bytes. To
// write more is an error, and no signal.
class SizeLimit {
 public:
  explicit SizeLimit(uint64_t bytes) : signal_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, signal_);
  }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  sighandler_t signal_;
  rlimit before_{};
};

}  // namespace smt

#endif  // SMT_TESTS_SIZE_LIMIT_H_
