// The open folder of a domain: which files are in it, and how files of it are made, named and opened.
// Internal to libsmt.
#ifndef SMT_SHM_DOMAIN_FOLDER_H_
#define SMT_SHM_DOMAIN_FOLDER_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "shm/clock.h"
#include "shm/fd.h"
#include "shm/freshness.h"
#include "shm/status.h"

namespace smt {

class DomainView;

bool is_same_file(const struct stat& a, const struct stat& b);

struct FolderRequest {
  std::string root, domain;
  std::string group = {};  // for messages
  long gid = -1;  // the folder is to be shared with this group; -1: is to be this user's, or any that is
  bool create = false, create_root = false;  // where it is missing
  bool shared_root = false;                  // see DomainOptions
  Clock clock = {};
};

struct DomainFolder {
  // As Domain::open.
  static Result<std::shared_ptr<DomainFolder>> open(const FolderRequest& asked);

  std::string path;
  std::string name;
  Clock clock;
  Fd fd;
  uid_t owner = 0;
  gid_t gid = 0;
  bool shared = false;    // a group's domain: folder 03770
  bool may_write = true;  // false: root looking into another user's folder; nothing in there is written
  FolderRequest request;  // its root is an absolute path
  uid_t root_owner = 0;

  std::mutex mutex;             // of what follows, and of rejoin()
  std::optional<Id128> origin;  // as Domain::origin_id told it
  std::string last_loss;
  std::atomic<uint64_t> losses{0};  // see Domain::losses
  void report_loss(const std::string& what);

  // Of the folder that `fd` is. What is missing in another folder than it was in has not been removed by
  // itself.
  using Id = std::pair<dev_t, ino_t>;
  Id id() const;
  // Its path means another folder than `fd`, or none.
  bool gone() const;
  // Where it is gone(), `fd` is what the path means now, opened and checked as at first. See Domain::rejoin.
  Status rejoin(bool create);

  // What this process sees of the domain, made when it is first asked for: see view_of().
  std::once_flag view_made;
  std::shared_ptr<DomainView> view;

  mode_t segment_mode() const { return shared ? 0640 : 0600; }
  mode_t bell_mode() const { return shared ? 0660 : 0600; }

  // See Domain::nodes.
  Result<std::vector<std::string>> nodes() const;
  // A new unnamed file of this folder, with `bytes` bytes of size and `reserve` bytes of memory behind it.
  // `what` is for the message where that fails, as "the segment of node arm".
  Result<Fd> unnamed(mode_t mode, uint64_t bytes, uint64_t reserve, const std::string& what) const;
  // Gives an unnamed file a name. kInUse: the name is taken.
  Status link(const Fd& file, const std::string& as) const;
  // Opens a regular file with one link, without following links. kNotFound, kDenied.
  // `foreign`: files of other users are fine (in a shared domain).
  Result<Fd> open_file(const std::string& file, int flags, bool foreign, struct stat* st) const;
  // Whether a name of this folder means the file that `opened` was told of.
  bool is_named(const struct stat& opened, const std::string& file) const;
  // kNoSpace: so many bytes more of a file here exceed what the file system has free, or what a memory limit
  // of this process leaves of it.
  Status check_room(uint64_t bytes, const std::string& what) const;
  // "no space in <path> (64.0 MiB, 63.9 MiB used): need 4.0 MiB for <what>; ..."
  Status no_space(uint64_t bytes, const std::string& what) const;
  // The same for a file of `bytes` that exceeds the limit of the process for the sizes of files.
  Status too_large(uint64_t bytes, const std::string& what) const;
};

}  // namespace smt

#endif  // SMT_SHM_DOMAIN_FOLDER_H_
