// A peer that keeps to ZMTP 3.0 (ZeroMQ RFC 23), with or without CURVE (RFC 26), and to nothing else: its
// frames may say anything, and its messages need not end.
#ifndef SMT_TESTS_TOOLS_RAW_PEER_H_
#define SMT_TESTS_TOOLS_RAW_PEER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/keys/keys.h"
#include "shm/fd.h"

namespace smt::tools {

class RawPeer {
 public:
  // Connects to the loopback and shakes hands; connected() says whether that went well. Blocks, no call for
  // longer than ten seconds.
  explicit RawPeer(uint16_t port);
  RawPeer(uint16_t port, const relay::KeyPair& self, const relay::KeyBytes& listener);

  bool connected() const { return connected_; }
  // False: the connection has ended. `more`: the message goes on.
  bool send(std::string_view frame, bool more = false);
  // The next frame that has come; nothing: none has within that time, or the connection has ended.
  std::optional<std::string> hear(int timeout_ms);
  // The other side ends the connection within that time.
  bool ends(int timeout_ms);

 private:
  static constexpr size_t kKey = 32, kNonce = 24;
  using Key = std::array<unsigned char, kKey>;

  bool connect(uint16_t port);
  bool shake_hands(const relay::KeyPair& self, const relay::KeyBytes& listener);
  bool write(std::string_view bytes);
  bool read(size_t bytes, std::string* to);
  // One frame as it is on the wire.
  bool post(std::string_view body, unsigned flags);
  bool fetch(std::string* body);
  std::string short_number();  // the next short nonce
  std::string boxed(std::string_view prefix, const std::string& nonce, std::string_view text) const;
  bool unboxed(std::string_view prefix, std::string_view nonce, std::string_view box,
               std::string* text) const;

  Fd socket_;
  bool curve_ = false, connected_ = false;
  uint64_t nonce_ = 0;
  Key with_{};  // what libsodium makes of both short-term keys
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_RAW_PEER_H_
