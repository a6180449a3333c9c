#include "cmd/serve/dial_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/text/text.h"
#include "relay/keys/endpoint.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

using Stands = relay::DialedEndpoint::Stands;

constexpr int64_t kDialLookNs = 200'000'000, kProbeLookNs = 20'000'000;
// What a probe takes at most once the name is known; one that has begun is waited for until then.
constexpr int64_t kProbeNs = 4'000'000'000, kPatienceNs = 700'000'000;
// The engine tells of a refusal when it dials, and so often may pass between two of these.
constexpr int64_t kRefusedNs = 75'000'000'000;

// A relay of this kind is there, so that the engine knows more than the probe.
bool is_relay(Answer answer, bool has_keys) { return answer == (has_keys ? Answer::kKeyed : Answer::kPlain); }

}  // namespace

bool has_other_key(const Status& refusal, Answer answer) {
  return refusal.code() == Code::kMismatch && answer == Answer::kKeyed;
}

std::optional<DialWatch::Reason> DialWatch::reason(const relay::DialedEndpoint& d, const Watched& w,
                                                   bool has_keys, int64_t now_ns) {
  if (d.stands != Stands::kSilent) return Reason(d.stands, Answer::kError);
  const std::optional<Probed> found = w.probe.found();
  const int64_t begun_ns = w.probe_ns - kProbeIntervalNs;
  if (!found || (w.probe.runs() && now_ns - begun_ns < kProbeNs + kPatienceNs)) return std::nullopt;
  const bool refused = !d.refusal.ok() && now_ns - d.refused_ns < kRefusedNs;
  const bool is_told = d.refusal.code() != Code::kMismatch;
  if (refused && is_told && is_relay(found->answer, has_keys)) return std::nullopt;
  return Reason(d.stands, found->answer);
}

std::string DialWatch::news(const relay::DialedEndpoint& d, const Watched& w, bool has_keys, int64_t now_ns) {
  if (d.stands == Stands::kSendsNothing) {
    return fmt::format(
        "peer {} on {} sends nothing: it only takes topics, as this relay does; one of the two must be a "
        "smtrelay_pub or a smtrelay_proxy",
        d.peer, d.endpoint);
  }
  if (d.stands == Stands::kWantsNothing) {
    return fmt::format(
        "peer {} on {} wants nothing of what is offered: it only sends topics, as this relay does; one of "
        "the two must be a smtrelay_sub or a smtrelay_proxy",
        d.peer, d.endpoint);
  }
  const Probed found = w.probe.found().value_or(Probed());
  const int64_t seconds = (now_ns - d.since_ns) / 1'000'000'000;
  return fmt::format(
      "nobody has answered at {} for {}: {}", d.endpoint, duration_text(seconds * 1'000'000'000),
      has_other_key(d.refusal, found.answer) ? d.refusal.message() : reason_text(found, has_keys));
}

int64_t DialWatch::look(const std::vector<relay::DialedEndpoint>& dialed, bool has_keys, int64_t now_ns) {
  std::erase_if(watched_, [&](const auto& w) {
    return std::none_of(dialed.begin(), dialed.end(), [&](const auto& d) { return d.endpoint == w.first; });
  });
  int64_t due_ns = next_tick_ns(now_ns, kDialLookNs);
  for (const relay::DialedEndpoint& d : dialed) {
    Watched& w = watched_[d.endpoint];
    if (w.since_ns != d.since_ns) {
      w = Watched();
      w.since_ns = d.since_ns;
      w.probe_ns = d.since_ns + probe_after_ns_;
    }
    if (d.stands == Stands::kFine || d.stands == Stands::kElsewhere) continue;
    const bool may_probe = d.stands == Stands::kSilent && !d.endpoint.starts_with(relay::kInproc);
    if (may_probe && now_ns >= w.probe_ns && !w.probe.runs()) {
      w.probe.start(d.endpoint, kProbeNs);
      w.probe_ns = now_ns + kProbeIntervalNs;
    }
    due_ns = std::min(due_ns, w.probe.runs() ? now_ns + kProbeLookNs : std::max(w.probe_ns, now_ns));
    if (now_ns - d.since_ns < kTellNs) continue;
    const std::optional<Reason> why = reason(d, w, has_keys, now_ns);
    if (!why) continue;
    const auto [told, first] = w.told_ns.try_emplace(*why, now_ns);
    if (!first && now_ns - told->second < kIntervalNs) continue;
    told->second = now_ns;
    log_.warn(news(d, w, has_keys, now_ns));
  }
  return due_ns;
}

Probed DialWatch::found(const std::string& endpoint) const {
  const auto watched = watched_.find(endpoint);
  return watched == watched_.end() ? Probed() : watched->second.probe.found().value_or(Probed());
}

bool DialWatch::has_probed(const std::string& endpoint) const {
  const auto watched = watched_.find(endpoint);
  return watched != watched_.end() && watched->second.probe.found() && !watched->second.probe.runs();
}

}  // namespace smt::cmd
