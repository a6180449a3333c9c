#include "relay/keys/keyring.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "shm/fd.h"

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

// Not to be written by others, and with `secret` not to be read either.
Status check_rights(const struct stat& st, bool secret, const std::string& path) {
  if (st.st_uid != geteuid() && st.st_uid != 0)
    return Status(Code::kDenied, path + " belongs to another user; make it yours or root's");
  if (secret && (st.st_mode & 0077) != 0)
    return Status(Code::kDenied, path + ": other users may read it; run chmod 600 " + path);
  if ((st.st_mode & 0022) != 0)
    return Status(Code::kDenied, path + ": other users may write there; run chmod go-w " + path);
  return Status();
}

Result<std::string> read_guarded(int dir, const std::string& name, const std::string& path, bool secret) {
  // A pipe would block.
  const Fd file(openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat st;
  if (!file.ok() || fstat(file.get(), &st) != 0) return Status::from_errno("cannot read " + path, errno);
  if (!S_ISREG(st.st_mode)) return Status(Code::kInvalid, path + " is no file");
  if (Status s = check_rights(st, secret, path); !s.ok()) return s;
  return read_all(file, path);
}

// Prefixes the place in the file with its name.
Status at(const std::string& path, const Status& status) {
  return Status(status.code(), path + ":" + status.message());
}

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return Status::from_errno("cannot read " + path, errno);
  return read_all(file, path);
}

Result<std::shared_ptr<const Keyring>> Keyring::read(const std::string& dir) {
  if (sodium_init() < 0) return Status(Code::kSystem, "libsodium does not start");
  auto ring = std::make_shared<Keyring>();
  const Fd top(open(dir.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (!top.ok()) return Status::from_errno("cannot open the folder of keys " + dir, errno);
  const std::string self_path = dir + "/self.key";
  Result<std::string> text = read_guarded(top.get(), "self.key", self_path, true);
  if (!text.ok()) {
    if (text.status().code() != Code::kNotFound) return text.status();
    return Status(Code::kNotFound, "no " + self_path + "; make one with smtrelay_keygen NAME --out " + dir);
  }
  Result<KeyPair> self = parse_secret_file(*text);
  sodium_memzero(text->data(), text->size());
  if (!self.ok()) return at(self_path, self.status());
  ring->self_ = std::move(*self);

  const std::string peers_path = dir + "/peers";
  const int peers_fd = openat(top.get(), "peers", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (peers_fd < 0) {
    if (errno == ENOENT)
      return Status(Code::kNotFound, "no folder " + peers_path + "; put the peers' NAME.pub there");
    return Status::from_errno("cannot open " + peers_path, errno);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> peers(fdopendir(peers_fd), closedir);
  for (const auto& [fd, path] : {std::pair(top.get(), dir), std::pair(peers_fd, peers_path)}) {
    struct stat st;
    if (fstat(fd, &st) != 0) return Status::from_errno("cannot look at " + path, errno);
    if (Status s = check_rights(st, false, path); !s.ok()) return s;
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
    text = read_guarded(peers_fd, file, path, false);
    if (!text.ok()) return text.status();
    Result<PeerKeys> peer = parse_public_file(*text);
    if (!peer.ok()) return at(path, peer.status());
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
  return it == names_.end() ? nullptr : &it->second;
}

const std::vector<KeyBytes>* Keyring::keys_of(std::string_view name) const {
  const auto it = peers_.find(name);
  return it == peers_.end() ? nullptr : &it->second;
}

std::vector<std::string> Keyring::names() const {
  std::vector<std::string> names;
  for (const auto& [name, keys] : peers_) names.push_back(name);
  return names;
}

}  // namespace smt::relay
