// The keys of the configuration, each written down once: reading a file, the environment and flags, printing,
// and what is told of an unknown key all come from this list.
#ifndef SMT_CMD_CONFIG_CONFIG_KEYS_H_
#define SMT_CMD_CONFIG_CONFIG_KEYS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/config/config_types.h"
#include "cmd/config/relay_config.h"

namespace smt::cmd {

// A key of a table T, which is RelayConfig (the top), PeerConfig, or one of SendRule, ReceiveRule, WriteRule,
// AllowRule and DenyRule of relay/rules/rules.h.
template <class T>
struct Key {
  std::string_view name;
  uint8_t roles = 0;           // that have it, as bits
  std::string_view what;       // in --help; "": it is no flag
  std::string_view type = {};  // ConfigType::name
  bool list = false;           // ConfigType::list
  std::function<std::optional<Fault>(const Value&, T*)> read = {};
  std::function<std::string(const T&)> print = {};

  bool of(Role role) const { return (roles & static_cast<uint8_t>(role)) != 0; }
  std::string flag() const;         // "--max-age"
  std::string environment() const;  // "SMT_MAX_AGE"
};

// In the order in which they are printed.
template <class T>
const std::vector<Key<T>>& keys_of();
template <>
const std::vector<Key<RelayConfig>>& keys_of<RelayConfig>();
template <>
const std::vector<Key<PeerConfig>>& keys_of<PeerConfig>();
template <>
const std::vector<Key<relay::SendRule>>& keys_of<relay::SendRule>();
template <>
const std::vector<Key<relay::ReceiveRule>>& keys_of<relay::ReceiveRule>();
template <>
const std::vector<Key<relay::WriteRule>>& keys_of<relay::WriteRule>();
template <>
const std::vector<Key<relay::AllowRule>>& keys_of<relay::AllowRule>();
template <>
const std::vector<Key<relay::DenyRule>>& keys_of<relay::DenyRule>();

// As it stands in the file: "peer" "send" "receive" "write" "allow" "deny"; "" for the top.
template <class T>
constexpr std::string_view table_name() {
  if constexpr (std::is_same_v<T, PeerConfig>) return "peer";
  if constexpr (std::is_same_v<T, relay::SendRule>) return "send";
  if constexpr (std::is_same_v<T, relay::ReceiveRule>) return "receive";
  if constexpr (std::is_same_v<T, relay::WriteRule>) return "write";
  if constexpr (std::is_same_v<T, relay::AllowRule>) return "allow";
  if constexpr (std::is_same_v<T, relay::DenyRule>) return "deny";
  return "";
}

// Null: there is none.
template <class T>
const Key<T>* find_key(std::string_view name) {
  for (const Key<T>& key : keys_of<T>()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

// Keys of the top that the environment may set: all but lists and the version of the format.
inline bool is_in_environment(const Key<RelayConfig>& key) { return !key.list && key.name != "version"; }
// That may be another one after a reload.
inline bool reloadable(const Key<RelayConfig>& key) { return key.name == "log" || key.name == "cache"; }

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_KEYS_H_
