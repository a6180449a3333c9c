// Key pairs by which relays know each other (Curve25519, as CURVE of ZeroMQ uses them), and the two kinds of
// files that they are in. Public keys are texts here: 32 bytes in base64 (RFC 4648), 44 characters.
//
//   self.key   smtrelay-secret KEY NAME
//   NAME.pub   smtrelay-public KEY NAME
//
// Further lines of NAME.pub are other keys of the same peer, as while one is changed.
//
// Empty lines and lines that begin with # say nothing, nor does a byte order mark of UTF-8.
#ifndef SMT_RELAY_KEYS_KEYS_H_
#define SMT_RELAY_KEYS_KEYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/status.h"

namespace smt::relay {

using KeyBytes = std::array<uint8_t, 32>;

std::string public_key_text(const KeyBytes& key);
// The fingerprint that people compare, in ssh's form: "SHA256:" and 43 characters.
std::string fingerprint_of(const KeyBytes& key);

// Memory that is overwritten when it goes. What libzmq copies is not.
class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(const KeyBytes& bytes) : bytes_(bytes) {}
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
  const KeyBytes& bytes() const { return bytes_; }

 private:
  KeyBytes bytes_{};
};

struct KeyPair {
  std::string name;
  SecretKey secret;
  KeyBytes public_key{};

  static KeyPair make(std::string name);
  std::string secret_text() const;  // the contents of self.key
  std::string public_text() const;  // of NAME.pub
};

// A text with exactly one secret key; kInvalid with "LINE:COLUMN: what is wrong", never with the key.
Result<KeyPair> parse_secret_file(std::string_view text);

struct PeerKeys {
  std::string name;
  std::vector<KeyBytes> keys;  // one at least, each once
};
inline constexpr size_t kMaxKeysOfPeer = 16;
// kInvalid as above; all lines are of one name.
Result<PeerKeys> parse_public_file(std::string_view text);

}  // namespace smt::relay

#endif  // SMT_RELAY_KEYS_KEYS_H_
