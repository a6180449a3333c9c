#include "cmd/serve/pattern_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/text/deadline.h"

namespace smt::cmd {
namespace {

constexpr int64_t kPatternLookNs = 1'000'000'000, kPatternNextNs = 20'000'000;
constexpr size_t kMaxTold = 20;

void add(const std::vector<std::string>& texts, std::vector<relay::Pattern>* patterns) {
  for (const std::string& text : texts) {
    if (Result<relay::Pattern> pattern = relay::Pattern::parse(text); pattern.ok())
      patterns->push_back(std::move(*pattern));
  }
}

// "'a/**' 'b'", and how many more.
std::string list_text(std::vector<std::string> patterns) {
  const size_t more = patterns.size() - std::min(patterns.size(), kMaxTold);
  patterns.resize(patterns.size() - more);
  return fmt::format("'{}'{}", fmt::join(patterns, "' '"),
                     more == 0 ? "" : fmt::format(" and {} more", more));
}

}  // namespace

void PatternWatch::begin(const RelayConfig& config, int64_t now_ns) {
  send_ = receive_ = Direction();
  is_served_ = false;
  due_ns_ = 0;
  send_.due_ns = now_ns + kWaitNs;
  const bool proxy = config.role == Role::kProxy;
  for (const auto& rule : config.send) {
    if (!proxy) add(rule.value.topic, &send_.left);
  }
  for (const auto& rule : config.receive) {
    if (!proxy) add(rule.value.topic, &receive_.left);
  }
  add(config.cache, &receive_.left);
}

template <class Matches>
bool PatternWatch::look(Direction* direction, const Matches& matches) {
  if (direction->left.empty()) return false;
  const relay::Pattern& pattern = direction->left.front();
  if (!matches(pattern)) direction->unmatched.push_back(pattern.text());
  direction->left.erase(direction->left.begin());
  return direction->left.empty() && !direction->unmatched.empty();
}

int64_t PatternWatch::look(relay::Relay* relay, int64_t now_ns) {
  if (now_ns < due_ns_) return due_ns_;
  if (send_.left.empty() && receive_.left.empty()) return due_ns_ = kNever;
  due_ns_ = now_ns + kPatternLookNs;
  if (!send_.left.empty() && now_ns >= send_.due_ns) {
    due_ns_ = now_ns + kPatternNextNs;
    if (look(&send_, [&](const relay::Pattern& p) { return relay->offers(p, now_ns); })) {
      log_.warn(fmt::format("no topic here matches {}, to be sent; smttopic list shows what is here",
                            list_text(send_.unmatched)));
    }
    return due_ns_;
  }
  const std::vector<relay::PeerInfo> peers = relay->peers();
  const bool served = std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.serves; });
  if (served && !is_served_) receive_.due_ns = now_ns + kWaitNs;
  is_served_ = served;
  if (receive_.left.empty() || !is_served_ || now_ns < receive_.due_ns) return due_ns_;
  due_ns_ = now_ns + kPatternNextNs;
  if (look(&receive_, [&](const relay::Pattern& p) { return relay->receives(p); })) {
    log_.warn(fmt::format(
        "no topic of a peer matches {}, to be received; smtrelay_client list shows what a peer has",
        list_text(receive_.unmatched)));
  }
  return due_ns_;
}

}  // namespace smt::cmd
