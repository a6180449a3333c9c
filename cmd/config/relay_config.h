// The configuration of smtrelay_pub, smtrelay_sub, smtrelay_proxy and smtrelay_client, from a file, the
// environment and flags. The keys that it is written with are listed in cmd/config/config_keys.cc.
#ifndef SMT_CMD_CONFIG_RELAY_CONFIG_H_
#define SMT_CMD_CONFIG_RELAY_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/text/config_value.h"
#include "cmd/text/format.h"
#include "cmd/text/loss_watch.h"
#include "relay/keys/keyring.h"
#include "relay/rules/liveness.h"
#include "relay/rules/rules.h"
#include "shm/domain.h"
#include "shm/status.h"

namespace smt::cmd {

enum class Role : uint8_t { kPub = 1, kSub = 2, kProxy = 4, kClient = 8 };
// "pub" "sub" "proxy" "client"
std::string_view role_name(Role role);

inline constexpr int64_t kConfigVersion = 1;

// One connection. Either `connect` or `bind`.
struct PeerConfig {
  std::vector<std::string> connect;  // of one peer, tried in this order
  bool random_order = false;         // or in one that each start draws
  std::string bind;
  uint64_t bytes_per_s = 0;  // of all that is sent over it; 0: no cap
  bool compress = false;
  uint8_t dscp = 0;  // see relay::Link::dscp
};

// A table of the file, and where it and its values stand.
template <class T>
struct Entry {
  T value = {};
  Place place = {};
  Places places = {};
  bool whole = true;  // false: a value is missing, because it was wrong
};

struct RelayConfig {
  Role role = Role::kPub;
  int64_t version = kConfigVersion;
  std::string name;  // of this host, unless it is told
  DomainOptions domain = {};
  std::string log = "info";
  std::string keys;        // folder; "": none
  std::string self_key;    // file, or the name of a credential; "": self.key of `keys`
  bool key_group = false;  // its own key may be readable by the group of the domain
  bool insecure = false;
  relay::Liveness liveness;
  bool spin = false;
  uint64_t segment_bytes = 0;  // see NodeOptions
  bool remove_on_exit = false;
  OnLost on_lost = OnLost::kRemake;
  std::string audit;                              // file; "": none
  std::string metrics;                            // where it is told of this relay over HTTP; "": nowhere
  bool metrics_open = false;                      // that may be beyond this machine
  std::vector<std::string> metrics_names, ready;  // see MetricsNames
  std::vector<std::string> cache;
  int64_t timeout_ns = 2'000'000'000;
  Format format = Format::kTable;
  Places places;

  std::shared_ptr<const relay::Keyring> keyring;  // what the folder has; null: none

  std::vector<Entry<PeerConfig>> peers;
  std::vector<Entry<relay::SendRule>> send;
  std::vector<Entry<relay::ReceiveRule>> receive;
  std::vector<Entry<relay::WriteRule>> write;
  std::vector<Entry<relay::AllowRule>> allow;
  std::vector<Entry<relay::DenyRule>> deny;
};

RelayConfig default_config(Role role);

// The relay's name was said, by a flag, the environment, the file or its key. Else it is this host's, and the
// relay may have another one when it starts again.
bool is_named(const RelayConfig& config);

// The name of this host in a form that a relay may have: "robot-1.local".
std::string host_relay_name();
// kInvalid, with what is wrong.
Status check_relay_name(const std::string& name);

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_RELAY_CONFIG_H_
