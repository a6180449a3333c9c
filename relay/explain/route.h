// Findings of several relays about a topic, put in the order of its way, and the one that stops it.
#ifndef SMT_RELAY_EXPLAIN_ROUTE_H_
#define SMT_RELAY_EXPLAIN_ROUTE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec.h"

namespace smt::relay {

struct Route {
  struct Step {
    proto::Finding finding;
    // Relays between the first publisher and this one; nothing: it is on no way of the topic.
    std::optional<uint32_t> place;
    // It is about a step that the topic takes or would take, and not back to where it comes from.
    bool on_way = false;
  };
  std::vector<Step> steps;  // the source first
  // Which of them stops the topic first; nothing: it passes everywhere. Of several the one that nothing else
  // explains: rules and names before the state of the source, and that before a peer that does not ask.
  std::optional<size_t> cause;
  bool found = false;  // some relay has a topic of this name

  const proto::Finding* stops() const { return cause ? &steps[*cause].finding : nullptr; }
};

// Findings are not trusted: any numbers and texts make some Route.
Route find_route(std::vector<proto::Finding> findings);

inline bool stops(proto::Verdict verdict) { return verdict < 0 || verdict >= proto::VERDICT_NO_TOPIC; }
// "passes" "rate" "filter" "no-topic" ...; "?" for one that this version does not know.
std::string_view verdict_name(proto::Verdict verdict);
// "here" "from gate" "to gate" "link"
std::string side_words(const proto::Finding& finding);

}  // namespace smt::relay

#endif  // SMT_RELAY_EXPLAIN_ROUTE_H_
