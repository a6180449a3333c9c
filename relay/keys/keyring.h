// The keys of one relay: its own pair, and those of the peers that it knows. Read from a folder:
//
//   DIR/self.key         its own
//   DIR/peers/NAME.pub   a peer's
//
// Files and folders are this user's or root's, and nobody else may write them; where DIR or peers/ is itself a
// read-only mount of root's, its rights to write do not count. self.key is this user's alone; or root's, and
// readable by a group of this process too. A link leads to what is in DIR, as the links of a Kubernetes secret
// do.
#ifndef SMT_RELAY_KEYS_KEYRING_H_
#define SMT_RELAY_KEYS_KEYRING_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/keys/keys.h"
#include "shm/status.h"

namespace smt::relay {

struct KeySource {
  std::string dir;
  std::string self_key = {};  // the file with its own key; "": DIR/self.key
  // `self_key` is a credential of the service manager, which lets this process alone read it.
  bool credential = false;
  // The group that shares the domain: whoever may publish there could be this relay, if that group could read
  // its key. Nothing: there is none, or that is meant.
  std::optional<gid_t> domain_group = {};
};

// The text of a key file, whoever may read it. kInvalid: too large to be one. Else as from_errno.
Result<std::string> read_key_file(const std::string& path);

// Never changes: another look at the folder is another Keyring.
class Keyring {
 public:
  static constexpr size_t kMaxPeers = 10'000;

  // kInvalid: a file says no key, or a key is there twice ("FILE:LINE:COLUMN: what is wrong"). kDenied:
  // others could read the secret key or add peers; it says what to do. Else as from_errno.
  static Result<std::shared_ptr<const Keyring>> read(const KeySource& source);
  static Result<std::shared_ptr<const Keyring>> read(const std::string& dir) {
    return read(KeySource{.dir = dir});
  }

  const KeyPair& self() const { return self_; }
  // Of the peer with this public key (text); null: nobody known. Who has this relay's own key is called as
  // it, whatever is in `peers`: a program beside it that asks it.
  const std::string* name_of(std::string_view key) const;
  // Of the peer called so, or of this relay itself; null: none. The first ones stand first in its file.
  const std::vector<KeyBytes>* keys_of(std::string_view name) const;
  // Of all in `peers`, sorted.
  std::vector<std::string> names() const;

 private:
  KeyPair self_;
  std::vector<KeyBytes> own_keys_;  // one
  std::string own_key_text_;
  std::map<std::string, std::vector<KeyBytes>, std::less<>> peers_;
  std::map<std::string, std::string, std::less<>> names_;  // by public key
};

}  // namespace smt::relay

#endif  // SMT_RELAY_KEYS_KEYRING_H_
