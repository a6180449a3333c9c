// The freshness that every copy of a topic knows of itself: state, age and origin.
#ifndef SMT_SHM_FRESHNESS_H_
#define SMT_SHM_FRESHNESS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smt {

// The first that applies, in the order: removed, empty, link-down (by alive_until), substituted, link-down,
// source-dead, stale, fresh. The numbers are in the segment.
enum class State : uint32_t {
  kEmpty = 0,
  kFresh = 1,
  kStale = 2,        // older than the topic's maximum age
  kSourceDead = 3,   // nobody publishes it any more; the last value stays
  kLinkDown = 4,     // the relay that mirrors it is cut off, or dead
  kSubstituted = 5,  // a fail-safe value stands in for it
  kRemoved = 6,
};

// "empty" "fresh" "stale" "source-dead" "link-down" "substituted" "removed"
std::string_view state_name(State state);

using Id128 = std::array<uint8_t, 16>;
std::string hex_id(const Id128& id);

// Where a topic's samples come from. For a mirrored topic: the first publisher, however many hops away.
struct TopicOrigin {
  Id128 origin_id{};   // of the domain; zero for a local topic
  Id128 segment_id{};  // of the source's segment
  std::string host, domain, node;

  bool operator==(const TopicOrigin&) const = default;
};

struct Freshness {
  State state = State::kEmpty;
  // Now minus born. Nothing if the topic is empty, or the writer counts in another time namespace or boot.
  std::optional<int64_t> age_ns;
  // Of a mirrored topic: how wrong its age may be, either way. Nothing: the clocks are not compared yet, and
  // the sample may be older than age_ns says; or a local topic, whose age is exact.
  std::optional<int64_t> age_error_ns;
  // Of a mirrored topic: how long a sample took on its way from the relay before, to within age_error_ns.
  std::optional<int64_t> delay_ns;
  int64_t max_age_ns = 0;  // 0: none, never stale
  uint64_t missed = 0;     // see Reader::missed
  uint32_t hops = 0;
  TopicOrigin origin;
};

}  // namespace smt

#endif  // SMT_SHM_FRESHNESS_H_
