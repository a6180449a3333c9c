// The keys of one relay: its own pair, and those of the peers that it knows. Read from a folder:
//
//   DIR/self.key         its own; nobody but the owner may read it
//   DIR/peers/NAME.pub   a peer's; nobody but the owner may write it
#ifndef SMT_RELAY_KEYS_KEYRING_H_
#define SMT_RELAY_KEYS_KEYRING_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relay/keys/keys.h"
#include "shm/status.h"

namespace smt::relay {

// The text of a key file, whoever may read it. kInvalid: too large to be one. Else as from_errno.
Result<std::string> read_key_file(const std::string& path);

// Never changes: another look at the folder is another Keyring.
class Keyring {
 public:
  static constexpr size_t kMaxPeers = 10'000;

  // kInvalid: a file says no key, or a key is there twice ("FILE:LINE:COLUMN: what is wrong"). kDenied:
  // others could read the secret key or add peers; it says what to do. Else as from_errno.
  static Result<std::shared_ptr<const Keyring>> read(const std::string& dir);

  const KeyPair& self() const { return self_; }
  // Of the peer with this public key (text); null: nobody known.
  const std::string* name_of(std::string_view key) const;
  // Of the peer called so; null: none. The first ones stand first in its file.
  const std::vector<KeyBytes>* keys_of(std::string_view name) const;
  // Of all peers, sorted.
  std::vector<std::string> names() const;

 private:
  KeyPair self_;
  std::map<std::string, std::vector<KeyBytes>, std::less<>> peers_;
  std::map<std::string, std::string, std::less<>> names_;  // by public key
};

}  // namespace smt::relay

#endif  // SMT_RELAY_KEYS_KEYRING_H_
