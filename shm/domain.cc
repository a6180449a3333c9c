#include "shm/domain.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>

#include "shm/domain_folder.h"
#include "shm/identity.h"
#include "shm/place.h"

namespace smt {

DomainOptions DomainOptions::from_environment() {
  DomainOptions o;
  if (const char* root = getenv("SMT_ROOT"); root != nullptr && *root != '\0') o.root = root;
  if (const char* domain = getenv("SMT_DOMAIN"); domain != nullptr && *domain != '\0') o.domain = domain;
  if (const char* group = getenv("SMT_GROUP"); group != nullptr && *group != '\0') o.group = group;
  if (const char* shared = getenv("SMT_SHARED_ROOT"); shared != nullptr && *shared != '\0')
    o.shared_root = shared == std::string_view("true");
  return o;
}

std::string default_root() {
  const std::string kOfRoot = "/run/smt";
  return is_mount_of_root(kOfRoot) ? kOfRoot : "/dev/shm/smt";
}

Result<Domain> Domain::open(const DomainOptions& options) {
  if (Status s = check_name("domain", options.domain); !s.ok()) return s;
  long gid = -1;
  if (!options.group.empty()) {
    const Result<gid_t> group = group_id(options.group);
    if (!group.ok()) return group.status();
    gid = *group;
  }
  Result<std::shared_ptr<DomainFolder>> folder = DomainFolder::open({.root = options.root,
                                                                     .domain = options.domain,
                                                                     .group = options.group,
                                                                     .gid = gid,
                                                                     .create = options.create,
                                                                     .create_root = options.create,
                                                                     .shared_root = options.shared_root,
                                                                     .clock = options.clock});
  if (!folder.ok()) return folder.status();
  return Domain(std::move(*folder));
}

const std::string& Domain::path() const { return folder_->path; }
const std::string& Domain::name() const { return folder_->name; }
const Clock& Domain::clock() const { return folder_->clock; }

Result<std::vector<std::string>> Domain::nodes() const { return folder_->nodes(); }

bool Domain::healthy() const { return !folder_->gone(); }
uint64_t Domain::losses() const { return folder_->losses.load(std::memory_order_relaxed); }
std::string Domain::last_loss() const {
  std::lock_guard lock(folder_->mutex);
  return folder_->last_loss;
}
Status Domain::rejoin() { return folder_->rejoin(true); }

namespace {
constexpr char kOriginFile[] = ".origin";

// kInUse: another process has given it one.
Status write_origin(const DomainFolder& folder, const Id128& id) {
  Result<Fd> made = folder.unnamed(folder.segment_mode(), id.size(), id.size(), kOriginFile);
  if (!made.ok()) return made.status();
  if (pwrite(made->get(), id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
    return Status::from_errno(kOriginFile, errno);
  return folder.link(*made, kOriginFile);
}
}  // namespace

Status Domain::keep_origin_id() {
  std::optional<Id128> held;
  {
    std::lock_guard lock(folder_->mutex);
    held = folder_->origin;
  }
  if (!held || !folder_->may_write || faccessat(folder_->fd.get(), kOriginFile, F_OK, 0) == 0)
    return Status();
  const Status written = write_origin(*folder_, *held);
  return written.code() == Code::kInUse ? Status() : written;
}

Result<Id128> Domain::origin_id() const {
  for (int attempt = 0; attempt < 8; ++attempt) {
    struct stat st;
    Result<Fd> file = folder_->open_file(kOriginFile, O_RDONLY, true, &st);
    if (file.ok()) {
      Id128 id;
      if (st.st_size != 16 || pread(file->get(), id.data(), id.size(), 0) != 16) {
        return Status(Code::kDamaged, folder_->path + "/" + kOriginFile + " is not 16 bytes: remove it");
      }
      std::lock_guard lock(folder_->mutex);
      folder_->origin = id;
      return id;
    }
    if (file.status().code() != Code::kNotFound) return file.status();
    Id128 fresh;
    if (getrandom(fresh.data(), fresh.size(), 0) != static_cast<ssize_t>(fresh.size()))
      return Status::from_errno("getrandom", errno);
    if (Status s = write_origin(*folder_, fresh); !s.ok() && s.code() != Code::kInUse) return s;
  }
  return Status(Code::kSystem, folder_->path + "/" + kOriginFile + " comes and goes");
}

}  // namespace smt
