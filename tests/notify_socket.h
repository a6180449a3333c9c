// A supervisor's socket, as systemd has it for services of Type=notify.
#ifndef SMT_TESTS_NOTIFY_SOCKET_H_
#define SMT_TESTS_NOTIFY_SOCKET_H_

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "shm/fd.h"
#include "tests/eventually.h"

namespace smt {

class NotifySocket {
 public:
  // `name` is what NOTIFY_SOCKET says: a path, or '@' and an abstract name.
  explicit NotifySocket(const std::string& name)
      : name_(name), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0) << strerror(errno);
  }

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  // The next datagram, if one is there.
  std::optional<std::string> take() {
    char bytes[8192];
    const ssize_t n = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (n < 0) return std::nullopt;
    return std::string(bytes, static_cast<size_t>(n));
  }
  // All lines that are there.
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    while (const std::optional<std::string> datagram = take()) {
      for (size_t at = 0; at < datagram->size();) {
        const size_t end = std::min(datagram->find('\n', at), datagram->size());
        lines.push_back(datagram->substr(at, end - at));
        at = end + 1;
      }
    }
    return lines;
  }
  // Reads until a line that begins so, with all before it; the test fails where none comes.
  std::vector<std::string> lines_until(const std::string& prefix) {
    std::vector<std::string> all;
    EXPECT_TRUE(eventually([&] {
      for (std::string& line : lines()) all.push_back(std::move(line));
      for (const std::string& line : all) {
        if (line.starts_with(prefix)) return true;
      }
      return false;
    })) << "no "
        << prefix;
    return all;
  }

 private:
  std::string name_;
  Fd fd_;
};

}  // namespace smt

#endif  // SMT_TESTS_NOTIFY_SOCKET_H_
