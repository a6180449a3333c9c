#include "relay/explain/route.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace smt::relay {

namespace {

struct Place {
  uint32_t relays = 0;   // before this one
  bool reached = false;  // it has the topic, or stands behind one that has
};
using Places = std::map<uint64_t, Place>;  // by instance
constexpr uint32_t kFarthest = 1000;       // no more relays than that stand in a row

// From which relay to which a Finding speaks; 0: none.
std::pair<uint64_t, uint64_t> edge(const proto::Finding& f) {
  if (f.side() == proto::SIDE_SENDING) return {f.instance(), f.peer_instance()};
  if (f.side() == proto::SIDE_RECEIVING) return {f.peer_instance(), f.instance()};
  return {0, 0};
}

// Who has the topic says itself how far it has come; the others stand behind who would send it to them, or
// before who would take it from them.
Places places_of(const std::vector<proto::Finding>& findings) {
  Places places;
  const auto take = [](Places* to, uint64_t instance, Place place) {
    Place& at = to->emplace(instance, place).first->second;
    at.relays = std::min(at.relays, place.relays);
  };
  for (const proto::Finding& f : findings) {
    if (f.side() != proto::SIDE_HERE || f.topic_hops() == 0) continue;
    take(&places, f.instance(), {std::min(f.topic_hops() - 1, kFarthest), true});
  }
  for (const bool forwards : {true, false}) {
    for (bool more = true; more;) {
      Places found;
      for (const proto::Finding& f : findings) {
        auto [from, to] = edge(f);
        if (!forwards) std::swap(from, to);
        const auto known = places.find(from);
        if (from == 0 || to == 0 || known == places.end() || places.count(to) != 0) continue;
        const uint32_t relays = known->second.relays;
        take(&found, to, {forwards ? relays + 1 : relays - (relays != 0), forwards});
      }
      more = !found.empty();
      places.merge(found);
    }
  }
  return places;
}

// Of several causes the least counts.
enum Tier { kBlocked, kState, kSilent, kNobodyAsks, kNowhere, kNone };

class Judge {
 public:
  explicit Judge(const std::vector<proto::Finding>& findings) : places_(places_of(findings)) {
    for (const proto::Finding& f : findings) {
      found_ |= f.side() == proto::SIDE_HERE && f.topic_hops() != 0;
      if (f.side() == proto::SIDE_SENDING && f.asked() && !stops(f.verdict())) sends_.insert(f.instance());
    }
  }

  bool found() const { return found_; }
  std::optional<uint32_t> place(uint64_t instance) const {
    const auto at = places_.find(instance);
    return at == places_.end() ? std::nullopt : std::optional(at->second.relays);
  }

  Tier tier(const proto::Finding& f) const {
    if (!stops(f.verdict())) return kNone;
    if (f.verdict() == proto::VERDICT_NO_ANSWER) return kSilent;
    // Who may not know of it is not told whether it is there.
    if (!found_ && f.verdict() == proto::VERDICT_DENIED) return kBlocked;
    const bool nowhere = f.verdict() == proto::VERDICT_NO_TOPIC || f.verdict() == proto::VERDICT_OTHER_NAME;
    // If nobody has it, it stands behind a link that is down, or nowhere.
    if (!found_) return f.side() == proto::SIDE_LINK ? kState : nowhere ? kNowhere : kNone;
    if (nowhere || !on_way(f)) return kNone;
    if (f.side() == proto::SIDE_LINK) return kState;
    const bool unasked =
        f.side() == proto::SIDE_SENDING ? !f.asked() : f.verdict() == proto::VERDICT_NO_DEMAND;
    if (unasked && f.side() != proto::SIDE_RECEIVING && sends_.count(f.instance()) != 0) return kNone;
    switch (f.verdict()) {
      case proto::VERDICT_NO_DEMAND:
        return kNobodyAsks;
      case proto::VERDICT_MISMATCH:
        return kBlocked;
      default:
        return f.side() == proto::SIDE_HERE ? kState : kBlocked;
    }
  }

  // It speaks of a relay that the topic reaches or would reach, and of a step away from the source: back to
  // where the topic was nobody needs it.
  bool on_way(const proto::Finding& f) const {
    const auto [from, to] = edge(f);
    const auto begin = places_.find(from != 0 ? from : f.instance());
    if (begin == places_.end() || !begin->second.reached) return false;
    if (from == 0 || to == 0) return true;
    const auto end = places_.find(to);
    return end != places_.end() && begin->second.relays < end->second.relays;
  }

 private:
  const Places places_;
  std::set<uint64_t> sends_;  // who sends it to somebody that asks for it
  bool found_ = false;
};

// In one relay: what comes in, what is there, what is dialled, what goes out.
int side_order(proto::Side side) {
  switch (side) {
    case proto::SIDE_RECEIVING:
      return 0;
    case proto::SIDE_HERE:
      return 1;
    case proto::SIDE_SENDING:
      return 2;
    default:
      return 3;
  }
}

}  // namespace

Route find_route(std::vector<proto::Finding> findings) {
  const Judge judge(findings);
  Route route;
  route.found = judge.found();
  // Relays in one place stand as they were heard of.
  std::map<uint64_t, size_t> heard;
  for (proto::Finding& f : findings) {
    heard.emplace(f.instance(), heard.size());
    const std::optional<uint32_t> place = judge.place(f.instance());
    const bool on_way = judge.on_way(f);
    route.steps.push_back({std::move(f), place, on_way});
  }
  const auto order = [&](const Route::Step& s) {
    return std::tuple(s.place.value_or(UINT32_MAX), heard[s.finding.instance()],
                      side_order(s.finding.side()));
  };
  std::stable_sort(route.steps.begin(), route.steps.end(),
                   [&](const Route::Step& a, const Route::Step& b) { return order(a) < order(b); });
  std::tuple<Tier, bool, size_t> best{kNone, false, 0};
  for (size_t i = 0; i < route.steps.size(); ++i) {
    const proto::Finding& f = route.steps[i].finding;
    const Tier tier = judge.tier(f);
    if (tier == kNone) continue;
    // A copy that only knows that its link is down says less than the end of the link. Who asks is at the end
    // of the way: the last one there decides. A name that is known says more than one that is not.
    const bool vague = (f.side() == proto::SIDE_HERE && f.verdict() == proto::VERDICT_LINK_DOWN) ||
                       (tier == kNowhere && f.other_name().empty());
    const size_t place = tier == kNobodyAsks ? route.steps.size() - i : i;
    if (std::tuple(tier, vague, place) < best) {
      best = {tier, vague, place};
      route.cause = i;
    }
  }
  return route;
}

std::string_view verdict_name(proto::Verdict verdict) {
  switch (verdict) {
    case proto::VERDICT_PASSES:
      return "passes";
    case proto::VERDICT_RATE:
      return "rate";
    case proto::VERDICT_RENAMED:
      return "renamed";
    case proto::VERDICT_WAITING:
      return "waiting";
    case proto::VERDICT_NO_TOPIC:
      return "no-topic";
    case proto::VERDICT_OTHER_NAME:
      return "other-name";
    case proto::VERDICT_NO_SAMPLE:
      return "no-sample";
    case proto::VERDICT_SOURCE_DEAD:
      return "source-dead";
    case proto::VERDICT_STALE:
      return "stale";
    case proto::VERDICT_LINK_DOWN:
      return "link-down";
    case proto::VERDICT_SUBSTITUTED:
      return "substituted";
    case proto::VERDICT_FILTER:
      return "filter";
    case proto::VERDICT_TOO_LARGE:
      return "too-large";
    case proto::VERDICT_LOOP:
      return "loop";
    case proto::VERDICT_NO_DEMAND:
      return "no-demand";
    case proto::VERDICT_CONFLICT:
      return "conflict";
    case proto::VERDICT_MISMATCH:
      return "mismatch";
    case proto::VERDICT_NO_ROOM:
      return "no-room";
    case proto::VERDICT_BAD_NAME:
      return "bad-name";
    case proto::VERDICT_NO_ANSWER:
      return "no-answer";
    case proto::VERDICT_DENIED:
      return "denied";
    default:
      return "?";
  }
}

std::string side_words(const proto::Finding& f) {
  const std::string peer = f.peer().empty() ? "others" : f.peer();
  switch (f.side()) {
    case proto::SIDE_HERE:
      return "here";
    case proto::SIDE_RECEIVING:
      return "from " + peer;
    case proto::SIDE_SENDING:
      return "to " + peer;
    default:
      return "link";
  }
}

}  // namespace smt::relay
