#include "cmd/relay_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace smt::cmd {
namespace {

// So that "relay-proxy-<name>" is a name of a node.
constexpr size_t kLongestName = 52;

// All that EngineOptions understands.
relay::Pacing OnlyPeriod(const relay::Pacing& pacing) {
  relay::Pacing only;
  only.period_ns = pacing.period_ns;
  return only;
}

const std::vector<std::string> kAnyPeer = {"*"};

}  // namespace

std::string_view RoleName(Role role) {
  return role == Role::kPub ? "pub" : role == Role::kSub ? "sub" : role == Role::kProxy ? "proxy" : "client";
}

Status CheckRelayName(const std::string& name) {
  if (Status s = CheckName("relay", name); !s.ok()) return s;
  if (name.size() <= kLongestName) return Status();
  return Status(Code::kInvalid, fmt::format("relay name '{}': longer than {} bytes", name, kLongestName));
}

std::string HostRelayName() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::string name = host;
  for (char& c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!legal) c = '-';
  }
  name.erase(0, name.find_first_not_of('.'));
  if (name.size() > kLongestName) name.resize(kLongestName);
  return CheckRelayName(name).ok() ? name : "host";
}

RelayConfig DefaultConfig(Role role) {
  RelayConfig config;
  config.role = role;
  config.name = HostRelayName();
  return config;
}

relay::RelayOptions EngineOptions(const RelayConfig& config) {
  relay::RelayOptions relay;
  relay.name = config.name;
  relay.proxy = config.role == Role::kProxy;
  std::vector<std::string> exclude;
  if (!config.send.empty()) {
    const relay::SendRule& rule = config.send.front().value;
    exclude = rule.exclude;
    relay.serves = true;
    relay.send = *relay::PatternSet::parse(rule.topic, rule.exclude);
    relay.send_period_ns = rule.pacing.period_ns;
  }
  if (relay.proxy) {  // asks for what its peers want, and for this
    if (!config.cache.empty()) relay.receive = {{config.cache, exclude, 0, 0}};
  } else if (!config.receive.empty()) {
    const relay::ReceiveRule& rule = config.receive.front().value;
    relay.receive = {{rule.topic, rule.exclude, 0, rule.pacing.period_ns}};
    if (!rule.prefix.empty()) relay.prefix = rule.prefix + "/";
  }
  return relay;
}

relay::ShmStoreOptions MirrorOptions(const RelayConfig& config) {
  relay::ShmStoreOptions mirror;
  if (config.receive.empty()) return mirror;
  mirror.mirror = config.name;
  mirror.segment_bytes = config.segment_bytes;
  mirror.remove_on_exit = config.remove_on_exit;
  mirror.max_age_ns = config.receive.front().value.max_age_ns;
  mirror.on_stale = config.receive.front().value.on_stale;
  return mirror;
}

std::string LeftOut(const RelayConfig& config) {
  const auto peer = std::find_if(config.peers.begin(), config.peers.end(), [](const auto& entry) {
    const PeerConfig& p = entry.value;
    return p.connect.size() > 1 || p.bytes_per_s != 0 || p.compress;
  });
  if (peer != config.peers.end()) return peer->place.text() + ": alternatives, byte caps and compression";
  if (config.send.size() > 1) return config.send[1].place.text() + ": rules after the first";
  if (config.receive.size() > 1) return config.receive[1].place.text() + ": rules after the first";
  if (!config.send.empty()) {
    const relay::SendRule& rule = config.send.front().value;
    if (rule.pacing != OnlyPeriod(rule.pacing) || rule.to != kAnyPeer || rule.bytes_per_s != 0 ||
        rule.max_bytes != 0 || rule.drop_older_ns != 0) {
      return config.send.front().place.text() + ": keys other than topic, exclude and rate";
    }
  }
  if (config.receive.empty()) return "";
  const relay::ReceiveRule& rule = config.receive.front().value;
  if (rule.pacing != OnlyPeriod(rule.pacing) || rule.from != kAnyPeer || !rule.as.empty() ||
      rule.on_stale == relay::OnStale::kBytes || rule.drop_older_ns != 0 ||
      rule.prefix.find('{') != rule.prefix.npos ||
      (config.role == Role::kProxy && config.receive.front().place.from != From::kDefault)) {
    return config.receive.front().place.text() +
           ": keys other than topic, exclude, rate, prefix, max_age and on_stale";
  }
  return "";
}

}  // namespace smt::cmd
