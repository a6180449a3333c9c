// A domain: the folder in which the segments of its nodes lie. The folder is the registry; there is no
// daemon.
#ifndef SMT_SHM_DOMAIN_H_
#define SMT_SHM_DOMAIN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/clock.h"
#include "shm/freshness.h"
#include "shm/status.h"

namespace smt {

class DomainView;

struct DomainOptions {
  std::string root = "/dev/shm/smt";
  std::string domain = "default";
  // Name of a Unix group. Empty: only this user (folder 0700, segments 0600). With a group: folder 03770,
  // segments 0640, bells and FIFOs 0660; whoever is in the group may read and may publish as own nodes.
  std::string group = {};
  // False: kNotFound where the folder is missing, instead of making it.
  bool create = true;
  Clock clock = {};

  // The defaults, overridden by SMT_ROOT, SMT_DOMAIN and SMT_GROUP. The library reads no environment
  // otherwise.
  static DomainOptions FromEnvironment();
};

// A cheap handle; copies share one open folder. Thread-safe.
class Domain {
 public:
  // kInvalid: bad name or unknown group. kDenied: the folder is a symlink, belongs to somebody else or has
  // other rights than asked for. The root folder is made 01777, the domain folder as `group` says.
  static Result<Domain> open(const DomainOptions& options);

  const std::string& path() const;  // "<root>/<domain>"
  const std::string& name() const;
  const Clock& clock() const;

  // Names of all segments in the folder, alive or not, sorted.
  Result<std::vector<std::string>> nodes() const;

  // 128 random bits, made once per domain and kept in the folder as `.origin`: names this domain in relays.
  Result<Id128> origin_id() const;

  // For the other parts of libsmt.
  struct State;
  State& state() const { return *state_; }
  const std::shared_ptr<State>& shared_state() const { return state_; }

 private:
  explicit Domain(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// Domain, node and peer names: [A-Za-z0-9_-][A-Za-z0-9._-]{0,63}, not ending in ".bell".
Status CheckName(std::string_view what, std::string_view name);
// Topic names: UTF-8, 1 to 255 bytes, segments split by '/', none of them empty, no control character, no
// '*'.
Status CheckTopicName(std::string_view name);

}  // namespace smt

#endif  // SMT_SHM_DOMAIN_H_
