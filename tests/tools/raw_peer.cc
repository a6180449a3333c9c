#include "tests/tools/raw_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "tests/loopback.h"

namespace smt::tools {
namespace {

constexpr unsigned kMore = 1, kLong = 2, kCommand = 4;
constexpr size_t kMac = crypto_box_MACBYTES;

const unsigned char* byte_view(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* room(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

std::string_view view(const auto& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string number(uint64_t n) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift);
  return out;
}

std::string property(std::string_view name, std::string_view value) {
  std::string p(1, static_cast<char>(name.size()));
  p += name;
  p += number(value.size()).substr(4);
  return p += value;
}

std::string metadata() { return property("Socket-Type", "DEALER") + property("Identity", ""); }

std::string command(std::string_view name) {
  return std::string(1, static_cast<char>(name.size())) + std::string(name);
}

}  // namespace

RawPeer::RawPeer(uint16_t port) {
  std::string ready;
  connected_ = connect(port) &&
               write("\xff" + std::string(8, '\0') + "\x7f\3" + std::string(1, '\0') + "NULL" +
                     std::string(16 + 32, '\0')) &&
               read(64, &ready) && post(command("READY") + metadata(), kCommand) && fetch(&ready);
}

RawPeer::RawPeer(uint16_t port, const relay::KeyPair& self, const relay::KeyBytes& listener) : curve_(true) {
  std::string greeting;
  connected_ = connect(port) &&
               write("\xff" + std::string(8, '\0') + "\x7f\3" + std::string(1, '\0') + "CURVE" +
                     std::string(15 + 32, '\0')) &&
               read(64, &greeting) && shake_hands(self, listener);
}

bool RawPeer::connect(uint16_t port) {
  socket_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{10, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const sockaddr_in to = loopback(port);
  return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

bool RawPeer::shake_hands(const relay::KeyPair& self, const relay::KeyBytes& listener) {
  Key secret, own;  // short-term ones
  crypto_box_keypair(own.data(), secret.data());
  if (crypto_box_beforenm(with_.data(), listener.data(), secret.data()) != 0) return false;
  std::string nonce = short_number();
  post(command("HELLO") + std::string("\1\0", 2) + std::string(72, '\0') + std::string(view(own)) + nonce +
           boxed("CurveZMQHELLO---", nonce, std::string(64, '\0')),
       kCommand);
  std::string welcome, keys;
  if (!fetch(&welcome) || welcome.size() != 8 + 16 + 144) return false;
  const std::string_view w = welcome;
  if (!unboxed("WELCOME-", w.substr(8, 16), w.substr(24), &keys)) return false;
  const std::string cookie = keys.substr(kKey);
  keys.resize(kKey);
  std::string long_nonce(16, '\0'), vouch(2 * kKey + kMac, '\0');
  randombytes_buf(long_nonce.data(), long_nonce.size());
  const std::string vouch_nonce = "VOUCH---" + long_nonce,
                    both = std::string(view(own)) + std::string(view(listener));
  if (crypto_box_easy(room(&vouch), byte_view(both), both.size(), byte_view(vouch_nonce), byte_view(keys),
                      self.secret.bytes().data()) != 0 ||
      crypto_box_beforenm(with_.data(), byte_view(keys), secret.data()) != 0)
    return false;
  nonce = short_number();
  post(command("INITIATE") + cookie + nonce +
           boxed("CurveZMQINITIATE", nonce,
                 std::string(view(self.public_key)) + long_nonce + vouch + metadata()),
       kCommand);
  std::string ready;
  return fetch(&ready) && ready.starts_with(command("READY"));
}

std::string RawPeer::short_number() { return number(++nonce_); }

std::string RawPeer::boxed(std::string_view prefix, const std::string& nonce, std::string_view text) const {
  const std::string whole = std::string(prefix) + nonce;
  std::string box(text.size() + kMac, '\0');
  if (crypto_box_easy_afternm(room(&box), byte_view(text), text.size(), byte_view(whole), with_.data()) != 0)
    return "";
  return box;
}

bool RawPeer::unboxed(std::string_view prefix, std::string_view nonce, std::string_view box,
                      std::string* text) const {
  const std::string whole = std::string(prefix) + std::string(nonce);
  text->assign(box.size() - kMac, '\0');
  return crypto_box_open_easy_afternm(room(text), byte_view(box), box.size(), byte_view(whole),
                                      with_.data()) == 0;
}

bool RawPeer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool RawPeer::read(size_t bytes, std::string* to) {
  to->assign(bytes, '\0');
  for (size_t got = 0; got < bytes;) {
    const ssize_t n = ::read(socket_.get(), to->data() + got, bytes - got);
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  return true;
}

bool RawPeer::post(std::string_view body, unsigned flags) {
  const bool is_long = body.size() > 255;
  std::string head(1, static_cast<char>(flags | (is_long ? kLong : 0)));
  const std::string size = number(body.size());
  head += is_long ? size : size.substr(7);
  return write(head.append(body));
}

bool RawPeer::fetch(std::string* body) {
  std::string flags, size;
  if (!read(1, &flags)) return false;
  if (!read((static_cast<unsigned>(flags[0]) & kLong) != 0 ? 8 : 1, &size)) return false;
  uint64_t bytes = 0;
  for (const char c : size) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return bytes < (1 << 24) && read(bytes, body);
}

bool RawPeer::send(std::string_view frame, bool more) {
  if (!curve_) return post(frame, more ? kMore : 0);
  const std::string nonce = short_number(), text = std::string(1, more ? '\1' : '\0').append(frame);
  return post(command("MESSAGE") + nonce + boxed("CurveZMQMESSAGEC", nonce, text), 0);
}

std::optional<std::string> RawPeer::hear(int timeout_ms) {
  pollfd wait{socket_.get(), POLLIN, 0};
  std::string body, text;
  if (poll(&wait, 1, timeout_ms) <= 0 || !fetch(&body)) return std::nullopt;
  if (!curve_) return body;
  const std::string_view b = body;
  if (b.size() < 8 + 8 + kMac + 1 || !unboxed("CurveZMQMESSAGES", b.substr(8, 8), b.substr(16), &text))
    return std::nullopt;
  return text.substr(1);
}

bool RawPeer::ends(int timeout_ms) {
  char heard[4096];
  for (pollfd wait{socket_.get(), POLLIN, 0}; poll(&wait, 1, timeout_ms) > 0;) {
    if (::read(socket_.get(), heard, sizeof heard) <= 0) return true;
  }
  return false;
}

}  // namespace smt::tools
