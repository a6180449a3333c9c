#include "relay/keys/keyring.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "shm/fd.h"
#include "shm/identity.h"
#include "shm/place.h"

namespace smt::relay {
namespace {

constexpr size_t kMaxFile = 64 << 10;

Result<std::string> read_all(const Fd& file, const std::string& path) {
  std::string text(kMaxFile + 1, '\0');
  size_t count = 0;
  for (ssize_t n = 1; n > 0 && count < text.size(); count += static_cast<size_t>(n)) {
    n = ::read(file.get(), text.data() + count, text.size() - count);
    if (n < 0) return Status::from_errno("cannot read " + path, errno);
  }
  if (count > kMaxFile) return Status(Code::kInvalid, path + " is larger than 64 KiB: no file of keys");
  text.resize(count);
  return text;
}

// Who may write there may change it, but for a volume of root's that is mounted read-only, as that of a
// secret. That a file lies in some read-only mount proves nothing: a service with ProtectSystem= sees all of
// /etc so, and others write there outside of it.
Status check_writers(int fd, const struct stat& st, const std::string& path) {
  if (!is_own_user(st.st_uid) && st.st_uid != 0)
    return Status(Code::kDenied, path + " belongs to another user; make it yours or root's");
  struct statvfs mount;
  const bool fixed = S_ISDIR(st.st_mode) && is_mount_of_root(fd) && fstatvfs(fd, &mount) == 0 &&
                     (mount.f_flag & ST_RDONLY) != 0;
  if ((st.st_mode & 0022) != 0 && !fixed)
    return Status(Code::kDenied, path + ": other users may write there; run chmod go-w " + path);
  return Status();
}

Status check_readers(const struct stat& st, const std::string& path, const KeySource& source) {
  const bool of_root = st.st_uid == 0 && geteuid() != 0;
  if ((st.st_mode & 0007) != 0) {
    return Status(Code::kDenied, path + ": other users may read it; run chmod " +
                                     (of_root && is_own_group(st.st_gid) ? "640 " : "600 ") + path);
  }
  if ((st.st_mode & 0070) == 0 || source.credential) return Status();
  // Root's own group is no group of a service.
  if (st.st_uid != 0 || !is_own_group(st.st_gid) || (geteuid() == 0 && st.st_gid == 0))
    return Status(Code::kDenied, path + ": other users may read it; run chmod 600 " + path);
  if (source.domain_group == st.st_gid) {
    return Status(
        Code::kDenied,
        path + ": group " + std::to_string(st.st_gid) +
            " may read it, which shares the domain, so whoever may publish could be this relay; run "
            "chown " +
            std::to_string(geteuid()) + " " + path + " && chmod 600 " + path +
            ", or say --key-group if no other program sees the file");
  }
  return Status();
}

std::string path_of(int fd) {
  std::error_code none;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), none).string();
}

// Of the folders between `folder` and the file `target` in it: who may write one could put another file
// there.
Status check_way(const std::string& folder, const std::string& target) {
  for (std::string way = target.substr(0, target.rfind('/')); way.size() > folder.size();
       way.resize(way.rfind('/'))) {
    const Fd between(open(way.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat st;
    if (!between.ok() || fstat(between.get(), &st) != 0)
      return Status::from_errno("cannot look at " + way, errno);
    if (Status s = check_writers(between.get(), st, way); !s.ok()) return s;
  }
  return Status();
}

// Opens a name of the folder `at`. Where that is a link, it leads to something in the folder `top`.
Result<Fd> open_inside(int top, int at, const std::string& name, int flags, const std::string& path) {
  // A pipe would block.
  flags |= O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  Fd file(openat(at, name.c_str(), flags | O_NOFOLLOW));
  if (file.ok()) return file;
  const int error = errno;
  struct stat st;
  const bool found = fstatat(at, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (found && S_ISLNK(st.st_mode)) {
    file = Fd(openat(at, name.c_str(), flags));
    if (file.ok()) {
      const std::string target = path_of(file.get()), folder = path_of(top);
      if (!folder.empty() && target.starts_with(folder + "/")) {
        Status s = check_way(folder, target);
        return s.ok() ? Result<Fd>(std::move(file)) : s;
      }
      return Status(Code::kDenied, path + " is a link that leads out of its folder, to " + target +
                                       "; run cp --remove-destination " + target + " " + path);
    }
    return Status::from_errno("cannot read " + path, errno);
  }
  if (error == EACCES && found && st.st_uid != geteuid()) {
    const std::string user = std::to_string(geteuid());
    return Status(Code::kDenied, path + " belongs to user " + std::to_string(st.st_uid) + ", and user " +
                                     user + " may not read it; run chown " + user + " " + path);
  }
  return Status::from_errno("cannot read " + path, error);
}

Result<std::string> read_guarded(int top, int dir, const std::string& name, const std::string& path,
                                 const KeySource* secret) {
  const Result<Fd> file = open_inside(top, dir, name, 0, path);
  if (!file.ok()) return file.status();
  struct stat st;
  if (fstat(file->get(), &st) != 0) return Status::from_errno("cannot read " + path, errno);
  if (!S_ISREG(st.st_mode)) return Status(Code::kInvalid, path + " is no file");
  if (secret != nullptr) {
    if (!is_own_user(st.st_uid) && st.st_uid != 0) return check_writers(file->get(), st, path);
    if (Status s = check_readers(st, path, *secret); !s.ok()) return s;
  }
  if (Status s = check_writers(file->get(), st, path); !s.ok()) return s;
  return read_all(*file, path);
}

Status check_folder(int fd, const std::string& path) {
  struct stat st;
  if (fstat(fd, &st) != 0) return Status::from_errno("cannot look at " + path, errno);
  return check_writers(fd, st, path);
}

// Prefixes the place in the file with its name.
Status at_place(const std::string& path, const Status& status) {
  return Status(status.code(), path + ":" + status.message());
}

// Its own key, of the folder `top` or of another file.
Result<KeyPair> read_self(const Fd& top, const KeySource& source) {
  const std::string path = source.self_key.empty() ? source.dir + "/self.key" : source.self_key;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  Fd other;
  if (!source.self_key.empty()) {
    other = Fd(open(folder.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
    if (!other.ok()) return Status::from_errno("cannot open the folder of the key " + path, errno);
    if (Status s = check_folder(other.get(), folder); !s.ok()) return s;
  }
  const int at = other.ok() ? other.get() : top.get();
  Result<std::string> text = read_guarded(at, at, path.substr(slash + 1), path, &source);
  if (!text.ok()) {
    if (text.status().code() != Code::kNotFound) return text.status();
    return Status(
        Code::kNotFound,
        "no " + path +
            (source.credential ? "; the unit needs LoadCredential=" + path.substr(slash + 1) + ":FILE"
                               : "; make one with smtrelay_keygen NAME --out " + source.dir));
  }
  Result<KeyPair> self = parse_secret_file(*text);
  sodium_memzero(text->data(), text->size());
  return self.ok() ? std::move(self) : Result<KeyPair>(at_place(path, self.status()));
}

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return Status::from_errno("cannot read " + path, errno);
  return read_all(file, path);
}

Result<std::shared_ptr<const Keyring>> Keyring::read(const KeySource& source) {
  if (sodium_init() < 0) return Status(Code::kSystem, "libsodium does not start");
  const std::string& dir = source.dir;
  auto ring = std::make_shared<Keyring>();
  const Fd top(open(dir.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!top.ok()) return Status::from_errno("cannot open the folder of keys " + dir, errno);
  Result<KeyPair> self = read_self(top, source);
  if (!self.ok()) return self.status();
  ring->self_ = std::move(*self);
  ring->own_keys_ = {ring->self_.public_key};
  ring->own_key_text_ = public_key_text(ring->self_.public_key);

  const std::string peers_path = dir + "/peers";
  Result<Fd> opened = open_inside(top.get(), top.get(), "peers", O_DIRECTORY, peers_path);
  if (!opened.ok()) {
    if (opened.status().code() == Code::kNotFound)
      return Status(Code::kNotFound, "no folder " + peers_path + "; put the peers' NAME.pub there");
    return opened.status();
  }
  const int peers_fd = opened->release();
  const std::unique_ptr<DIR, int (*)(DIR*)> peers(fdopendir(peers_fd), closedir);
  for (const auto& [fd, path] : {std::pair(top.get(), dir), std::pair(peers_fd, peers_path)}) {
    if (Status s = check_folder(fd, path); !s.ok()) return s;
  }
  std::vector<std::string> files;
  while (const dirent* entry = readdir(peers.get())) {
    const std::string name = entry->d_name;
    if (name.ends_with(".pub")) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  if (files.size() > kMaxPeers)
    return Status(Code::kInvalid, peers_path + " has more than " + std::to_string(kMaxPeers) + " files");
  for (const std::string& file : files) {
    const std::string path = peers_path + "/" + file;
    const Result<std::string> text = read_guarded(top.get(), peers_fd, file, path, nullptr);
    if (!text.ok()) return text.status();
    Result<PeerKeys> peer = parse_public_file(*text);
    if (!peer.ok()) return at_place(path, peer.status());
    if (peer->name + ".pub" != file) {
      return Status(Code::kInvalid,
                    path + " has a key of " + peer->name + "; call the file " + peer->name + ".pub");
    }
    for (const KeyBytes& key : peer->keys) {
      const auto [other, added] = ring->names_.emplace(public_key_text(key), peer->name);
      if (!added)
        return Status(Code::kInvalid, path + " has a key of " + other->second + " too: each has its own");
    }
    ring->peers_[peer->name] = std::move(peer->keys);
  }
  return std::shared_ptr<const Keyring>(std::move(ring));
}

const std::string* Keyring::name_of(std::string_view key) const {
  const auto it = names_.find(key);
  if (it == names_.end()) return key == own_key_text_ ? &self_.name : nullptr;
  return &it->second;
}

const std::vector<KeyBytes>* Keyring::keys_of(std::string_view name) const {
  const auto it = peers_.find(name);
  if (it == peers_.end()) return name == self_.name ? &own_keys_ : nullptr;
  return &it->second;
}

std::vector<std::string> Keyring::names() const {
  std::vector<std::string> names;
  for (const auto& [name, keys] : peers_) names.push_back(name);
  return names;
}

}  // namespace smt::relay
