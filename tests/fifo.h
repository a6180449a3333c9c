// A FIFO whose reader stands still as long as the test likes.
#ifndef SMT_TESTS_FIFO_H_
#define SMT_TESTS_FIFO_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "shm/fd.h"

namespace smt {

class Fifo {
 public:
  explicit Fifo(const std::string& path) : path_(path) {
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    reader_ = Fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    writer_ = Fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(reader_.ok() && writer_.ok());
  }

  const std::string& path() const { return path_; }
  // From here on whoever writes to it waits, until something is taken out.
  void fill() {
    const std::string spaces(4096, ' ');
    while (write(writer_.get(), spaces.data(), spaces.size()) > 0) {
    }
    while (write(writer_.get(), spaces.data(), 1) > 0) {
    }
  }
  // Takes out what is there by now, without what it was filled with.
  std::string take() {
    std::string out, part(65536, '\0');
    for (ssize_t n = 0; (n = read(reader_.get(), part.data(), part.size())) > 0;)
      out.append(part, 0, static_cast<size_t>(n));
    const size_t begin = out.find_first_not_of(' ');
    return begin == out.npos ? "" : out.substr(begin);
  }

 private:
  const std::string path_;
  Fd reader_, writer_;
};

}  // namespace smt

#endif  // SMT_TESTS_FIFO_H_
