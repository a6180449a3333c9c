#include "relay/keys/keys.h"

#include <sodium.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "shm/domain.h"
#include "shm/utf8.h"

namespace smt::relay {
namespace {

constexpr std::string_view kSecretWord = "smtrelay-secret", kPublicWord = "smtrelay-public";

std::string to_base64(const uint8_t* bytes, size_t count, int variant) {
  std::string text(sodium_base64_encoded_len(count, variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, count, variant);
  text.pop_back();  // its zero byte
  return text;
}

std::optional<KeyBytes> from_base64(std::string_view text) {
  KeyBytes key;
  size_t count = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(key.data(), key.size(), text.data(), text.size(), nullptr, &count,
                                       &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || count != key.size() || end != text.data() + text.size()) return std::nullopt;
  // libsodium reads some bytes as digits that are none.
  std::string again = to_base64(key.data(), key.size(), sodium_base64_VARIANT_ORIGINAL);
  const bool same = again == text;
  sodium_memzero(again.data(), again.size());
  if (!same) return std::nullopt;
  return key;
}

struct Line {
  KeyBytes key;
  std::string name;
};

// Calls `take` with each line that says something, until it finds fault: "" is none.
Status for_each_line(std::string_view text, std::string_view word,
                     const std::function<std::string(Line)>& take) {
  if (is_utf16(text)) return Status(Code::kInvalid, "1:1: the file is UTF-16; save it as UTF-8, or as ASCII");
  text = skip_byte_order_mark(text);
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const auto wrong = [&](size_t column, const std::string& why) {
      return Status(Code::kInvalid, std::to_string(number) + ":" + std::to_string(column + 1) + ": " + why);
    };
    std::vector<std::pair<size_t, std::string_view>> words;
    for (size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != line.npos && words.size() < 4;) {
      const size_t stop = std::min(line.find_first_of(" \t\r", at), line.size());
      words.emplace_back(at, line.substr(at, stop - at));
      at = stop;
    }
    if (words.empty() || words[0].second.front() == '#') continue;
    const std::string form = std::string(word) + " KEY NAME";
    if (words[0].second != word) {
      return words[0].second == kSecretWord
                 ? wrong(words[0].first, "a secret key; here stands a public one: " + form)
                 : wrong(words[0].first, "expected: " + form);
    }
    if (words.size() != 3) return wrong(0, "expected: " + form);
    const std::optional<KeyBytes> key = from_base64(words[1].second);
    if (!key) return wrong(words[1].first, "the key is not 32 bytes in base64 (44 characters)");
    const std::string name(words[2].second);
    if (Status s = check_name("peer", name); !s.ok()) return wrong(words[2].first, s.message());
    if (const std::string fault = take({*key, name}); !fault.empty()) return wrong(0, fault);
  }
  return Status();
}

}  // namespace

std::string public_key_text(const KeyBytes& key) {
  return to_base64(key.data(), key.size(), sodium_base64_VARIANT_ORIGINAL);
}

std::string fingerprint_of(const KeyBytes& key) {
  uint8_t hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, key.data(), key.size());
  return "SHA256:" + to_base64(hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

KeyPair KeyPair::make(std::string name) {
  KeyPair pair;
  KeyBytes secret;
  crypto_box_keypair(pair.public_key.data(), secret.data());
  pair.secret = SecretKey(secret);
  sodium_memzero(secret.data(), secret.size());
  pair.name = std::move(name);
  return pair;
}

std::string KeyPair::secret_text() const {
  return "# The secret key of " + name + ". Whoever has it is " + name + ": keep it to yourself.\n" +
         std::string(kSecretWord) + " " + public_key_text(secret.bytes()) + " " + name + "\n";
}

std::string KeyPair::public_text() const {
  return std::string(kPublicWord) + " " + public_key_text(public_key) + " " + name + "\n";
}

Result<KeyPair> parse_secret_file(std::string_view text) {
  KeyPair pair;
  const Status s = for_each_line(text, kSecretWord, [&](Line line) -> std::string {
    if (!pair.name.empty()) return "a second key: a relay has one";
    pair.name = std::move(line.name);
    pair.secret = SecretKey(line.key);
    sodium_memzero(line.key.data(), line.key.size());
    return "";
  });
  if (!s.ok()) return s;
  if (pair.name.empty()) return Status(Code::kInvalid, "1:1: no key; expected: smtrelay-secret KEY NAME");
  // All of Curve25519's secrets have a public key (it clamps them).
  crypto_scalarmult_base(pair.public_key.data(), pair.secret.bytes().data());
  return pair;
}

Result<PeerKeys> parse_public_file(std::string_view text) {
  PeerKeys peer;
  const Status s = for_each_line(text, kPublicWord, [&](Line line) -> std::string {
    if (!peer.name.empty() && line.name != peer.name)
      return "a key of " + line.name + " in the file of " + peer.name;
    if (std::find(peer.keys.begin(), peer.keys.end(), line.key) != peer.keys.end())
      return "this key is there twice";
    if (peer.keys.size() == kMaxKeysOfPeer)
      return "more than " + std::to_string(kMaxKeysOfPeer) + " keys of one peer";
    peer.name = std::move(line.name);
    peer.keys.push_back(line.key);
    return "";
  });
  if (!s.ok()) return s;
  if (peer.keys.empty()) return Status(Code::kInvalid, "1:1: no key; expected: smtrelay-public KEY NAME");
  return peer;
}

}  // namespace smt::relay
