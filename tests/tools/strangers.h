// What may answer at an endpoint and is no relay that a dialler could use.
#ifndef SMT_TESTS_TOOLS_STRANGERS_H_
#define SMT_TESTS_TOOLS_STRANGERS_H_

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "shm/fd.h"

namespace smt::tools {

// All on the loopback, from construction on.
class Strangers {
 public:
  Strangers();
  ~Strangers();

  std::string web_server() const { return endpoint(web_port_); }  // answers lines alone
  std::string hangs_up() const { return endpoint(closing_port_); }
  std::string says_nothing() const { return endpoint(silent_port_); }
  std::string takes_nobody() const { return endpoint(full_port_); }  // packets to it are dropped
  std::string closed() const { return endpoint(closed_port_); }
  std::string other_zmq() const { return other_zmq_; }    // a socket that no dialler of ours can use
  std::string other_version() const { return version_; }  // a relay of protocol version 7 to 9

 private:
  static std::string endpoint(uint16_t port) { return "tcp://127.0.0.1:" + std::to_string(port); }
  void serve_tcp();

  uint16_t web_port_ = 0, closing_port_ = 0, silent_port_ = 0, full_port_ = 0, closed_port_ = 0;
  Fd web_, closing_, silent_, full_, closed_;
  std::vector<Fd> filling_;
  std::string other_zmq_, version_;
  Fd stop_;  // an eventfd
  std::thread tcp_, zmq_;
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_STRANGERS_H_
