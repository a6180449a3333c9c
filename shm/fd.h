// An owned file descriptor.
#ifndef SMT_SHM_FD_H_
#define SMT_SHM_FD_H_

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace smt {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

// The same file under a number above 2. In a program that was started without standard descriptors, a file
// that is opened takes one of their numbers, and what the program prints goes into the file.
inline Fd above_standard(Fd fd) {
  constexpr int kFirst = 3;
  if (!fd.ok() || fd.get() >= kFirst) return fd;
  return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirst));
}

}  // namespace smt

#endif  // SMT_SHM_FD_H_
