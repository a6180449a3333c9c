// A pipe that is full: who writes to it waits until the test takes something out.
#ifndef SMT_TESTS_FULL_PIPE_H_
#define SMT_TESTS_FULL_PIPE_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "shm/fd.h"

namespace smt {

class FullPipe {
 public:
  FullPipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
    const int flags = fcntl(writer(), F_GETFL);
    fcntl(writer(), F_SETFL, flags | O_NONBLOCK);
    const char filling[4096] = {};
    for (ssize_t n = 0; (n = write(writer(), filling, sizeof filling)) > 0;)
      filled_ += static_cast<size_t>(n);
    fcntl(writer(), F_SETFL, flags);
  }

  int writer() const { return writer_.get(); }
  // Takes out what it was filled with.
  void empty() { EXPECT_EQ(read(filled_).size(), filled_); }
  // Waits for so many bytes.
  std::string read(size_t bytes) const {
    std::string out(bytes, '\0');
    size_t have = 0;
    for (ssize_t n = 1; have < bytes && n > 0; have += static_cast<size_t>(n)) {
      n = ::read(reader_.get(), out.data() + have, bytes - have);
      if (n <= 0) break;
    }
    EXPECT_EQ(have, bytes);
    out.resize(have);
    return out;
  }
  // Nobody reads any more.
  void hang_up() { reader_.reset(); }

 private:
  Fd reader_, writer_;
  size_t filled_ = 0;
};

}  // namespace smt

#endif  // SMT_TESTS_FULL_PIPE_H_
