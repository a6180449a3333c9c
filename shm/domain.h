// A domain: the folder in which the segments of its nodes lie. The folder is the registry; there is no
// daemon.
#ifndef SMT_SHM_DOMAIN_H_
#define SMT_SHM_DOMAIN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shm/clock.h"
#include "shm/freshness.h"
#include "shm/name.h"
#include "shm/status.h"

namespace smt {

struct DomainFolder;

// Where domains are when nothing else is said: /run/smt where that is a mount of root's, which no logout
// empties; else /dev/shm/smt. One look at the file system.
std::string default_root();

struct DomainOptions {
  std::string root = default_root();
  std::string domain = "default";
  // Name or number of a Unix group. Empty: only this user (folder 0700, segments 0600). With a group: folder
  // 03770, segments 0640, bells and FIFOs 0660; whoever is in the group may read and may publish as own
  // nodes.
  std::string group = {};
  // With a group, `root` may be a mount point of root's that all may write and that is not sticky, as an
  // emptyDir of Kubernetes is: whoever sees the mount could then replace the domain.
  bool shared_root = false;
  // False: kNotFound where the folder is missing, instead of making it.
  bool create = true;
  Clock clock = {};

  // The defaults, overridden by SMT_ROOT, SMT_DOMAIN, SMT_GROUP and SMT_SHARED_ROOT ("true" or "false"). The
  // library reads no environment otherwise.
  static DomainOptions from_environment();
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
  // Writes the id that origin_id() has told this process into the folder again, where its file is gone.
  Status keep_origin_id();

  // False: the folder was removed or moved while this process has it open, and programs that start from now
  // on do not find what is in it (RemoveIPC of logind, rm -rf). Two system calls.
  bool healthy() const;
  // Opens what the folder's path means now. Where it means nothing, makes the folder again with the rights
  // that it had, and its root where that belonged to this user. Readers of this process do without: they
  // open a folder that somebody else has made. kNotFound: the root belonged to another user and is gone.
  // kDenied: something else stands there.
  Status rejoin();
  // Grows each time that this process finds something removed under a live program: the folder, or the
  // segment of a node or the FIFO of a Waiter that it reads. And what that was last, as a sentence.
  uint64_t losses() const;
  std::string last_loss() const;

  // For the other parts of libsmt.
  DomainFolder& folder() const { return *folder_; }
  const std::shared_ptr<DomainFolder>& shared_folder() const { return folder_; }

 private:
  explicit Domain(std::shared_ptr<DomainFolder> folder) : folder_(std::move(folder)) {}
  std::shared_ptr<DomainFolder> folder_;
};

}  // namespace smt

#endif  // SMT_SHM_DOMAIN_H_
