// The flags of smtrelay_pub, smtrelay_sub and smtrelay_proxy.
#ifndef SMT_CMD_RELAY_OPTIONS_H_
#define SMT_CMD_RELAY_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/link_impair.h"
#include "relay/pattern.h"
#include "relay/selection.h"
#include "relay/shm_store.h"
#include "shm/status.h"

namespace smt::cmd {

enum class Role { kPub, kSub, kProxy };
// "pub" "sub" "proxy"
std::string_view RoleName(Role role);

struct RelayFlags {
  Role role = Role::kPub;
  std::vector<std::string> bind, connect;
  std::string name;
  std::vector<std::string> topics = {"**"}, excludes;
  double rate_hz = 0;  // pub and sub; 0: no limit
  bool insecure = false;
  bool spin = false;
  std::optional<relay::Impairment> impair;
  std::optional<std::string> explain;  // a topic; nothing: serve
  // sub
  std::string prefix;
  std::optional<int64_t> max_age_ns;
  relay::OnStale on_stale = relay::OnStale::kHold;
  uint64_t segment_bytes = 0;
  bool remove_on_exit = false;
  // proxy
  std::vector<std::string> cache;
};

void AddRelayFlags(CLI::App& app, RelayFlags* flags);

// What the flags say, checked.
struct RelayRules {
  relay::PatternSet topics;
  relay::Selection selection;             // the same, as it is asked for
  int64_t period_ns = 0;                  // --rate; also in `selection` of a sub
  std::optional<relay::Selection> cache;  // proxy
};
// kInvalid: no endpoint or a bad one, one that other machines reach without --insecure, a bad name, pattern
// or prefix. With --explain no endpoint is needed.
Result<RelayRules> CheckRelayFlags(const RelayFlags& flags);

// kInvalid: no endpoint, or one that reaches beyond this machine.
Status CheckRelayEndpoint(const std::string& endpoint, bool binding, bool insecure);

// Prints which pattern lets the topic pass or stops it; the exit code.
int Explain(const RelayFlags& flags, const RelayRules& rules);

// Of this host, as a relay may be called: "robot-1.local".
std::string HostRelayName();

}  // namespace smt::cmd

#endif  // SMT_CMD_RELAY_OPTIONS_H_
