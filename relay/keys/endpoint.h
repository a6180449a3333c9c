// Where relays listen and dial: "tcp://HOST:PORT", "ipc://PATH" or "inproc://NAME".
#ifndef SMT_RELAY_KEYS_ENDPOINT_H_
#define SMT_RELAY_KEYS_ENDPOINT_H_

#include <string>
#include <string_view>
#include <utility>

#include "relay/keys/keyring.h"
#include "shm/status.h"

namespace smt::relay {

inline constexpr std::string_view kTcp = "tcp://", kIpc = "ipc://", kInproc = "inproc://";

// kInvalid with what is wrong. `binding`: HOST may be `*` or an interface, PORT may be `*`. Otherwise "#PEER"
// may follow: whose key is to be there.
Status check_endpoint(const std::string& endpoint, bool binding);
// The endpoint without it, and the peer; "": it does not say.
std::pair<std::string, std::string> split_peer(const std::string& endpoint);
// HOST, with its brackets, and PORT of tcp://HOST:PORT; "": it has none.
std::pair<std::string, std::string> host_and_port(const std::string& endpoint);
// It is tcp://NAME:PORT, and the name is to be looked up.
bool has_host_name(const std::string& endpoint);
// Whose key is to be there: the one it says, else the only one there is. kInvalid: it cannot be told.
Result<std::string> peer_at(const std::string& endpoint, const Keyring& keys);
// Reaches this machine only: ipc, inproc, and tcp on localhost, 127.0.0.0/8 or [::1].
bool is_loopback(const std::string& endpoint);

}  // namespace smt::relay

#endif  // SMT_RELAY_KEYS_ENDPOINT_H_
