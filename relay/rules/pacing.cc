#include "relay/rules/pacing.h"

#include <algorithm>
#include <numeric>

namespace smt::relay {

bool thins(const Pacing& p) { return p.period_ns != 0 || p.one_of > 1 || p.on_change; }

Pacing less_of(const Pacing& allowed, const Pacing& requested) {
  Pacing p;
  p.priority = allowed.priority != Priority::kNormal ? allowed.priority : requested.priority;
  p.period_ns = std::max(allowed.period_ns, requested.period_ns);
  p.tick = (allowed.tick || requested.tick) && p.period_ns != 0;
  p.one_of = std::max(allowed.one_of, requested.one_of);
  p.on_change = allowed.on_change || requested.on_change;
  p.deadband = std::max(allowed.deadband, requested.deadband);
  p.heartbeat_ns = !allowed.on_change     ? requested.heartbeat_ns
                   : !requested.on_change ? allowed.heartbeat_ns
                   : allowed.heartbeat_ns == 0 || requested.heartbeat_ns == 0
                       ? 0
                       : std::max(allowed.heartbeat_ns, requested.heartbeat_ns);
  // Each sample, or some of them: the two do not go together.
  p.every = allowed.every && requested.every && !thins(p);
  return p;
}

Pacing more_of(const Pacing& a, const Pacing& b) {
  Pacing p;
  p.every = a.every || b.every;
  p.priority = std::max(a.priority, b.priority);
  if (p.every) return p;
  p.period_ns = std::min(a.period_ns, b.period_ns);
  p.tick = a.tick && b.tick && a.period_ns == b.period_ns;
  p.one_of = std::gcd(a.one_of, b.one_of);  // by sequence, so that what each takes is among them
  p.on_change = a.on_change && b.on_change;
  if (!p.on_change) return p;
  p.deadband = std::min(a.deadband, b.deadband);
  p.heartbeat_ns = a.heartbeat_ns == 0 || b.heartbeat_ns == 0 ? std::max(a.heartbeat_ns, b.heartbeat_ns)
                                                              : std::min(a.heartbeat_ns, b.heartbeat_ns);
  return p;
}

}  // namespace smt::relay
