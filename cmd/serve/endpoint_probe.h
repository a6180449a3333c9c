// A probe finds out why no relay answers at an endpoint: it looks the name up, connects, and reads how the
// other side greets. It sends half a greeting of ZMTP (ZeroMQ RFC 23), so that a relay there counts nothing.
#ifndef SMT_CMD_SERVE_ENDPOINT_PROBE_H_
#define SMT_CMD_SERVE_ENDPOINT_PROBE_H_

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace smt::cmd {

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
// Returns the addresses of a host as an endpoint names it; the host `*` has every address, to listen at. On
// failure the result is null and `*error` is that of getaddrinfo(). The call blocks while a name server is
// asked.
Addresses resolve(const std::string& host, const std::string& port, bool binding, int* error);

enum class Answer {
  kLookUp,    // its name is still looked up
  kNoName,    // there is no such name
  kNoServer,  // no name server answers
  kRefused,   // nobody listens
  kNoNetwork,
  kNoHost,
  kNothing,  // nothing answers the connection
  kForbidden,
  kNoSocket,  // no file has the path of ipc://
  kOther,     // something else than a relay speaks
  kSilence,   // the connection is taken, and nothing comes
  kClosed,    // the connection is taken, and closed
  kPlain,     // ZeroMQ answers, and does not encrypt
  kKeyed,     // ZeroMQ answers, and encrypts
  kError,     // anything else
};
struct Probed {
  Answer answer = Answer::kError;
  std::string detail = {};  // what the system or the other side says, printable
};

// Why no relay answers there, as people are told. `has_keys`: this relay encrypts.
std::string reason_text(const Probed& probed, bool has_keys);

// One probe at a time of tcp:// and ipc://, in a thread that this object does not wait for: a name server may
// take long to answer.
class EndpointProbe {
 public:
  // Ends after that time, unless the name takes longer. REQUIRES: !runs()
  void start(const std::string& endpoint, int64_t timeout_ns);
  bool runs() const;
  // Returns what the last probe has found, or how far it is; nothing if none was started.
  std::optional<Probed> found() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_ENDPOINT_PROBE_H_
