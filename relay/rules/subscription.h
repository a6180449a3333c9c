// A peer's subscription to topics by pattern. It travels as the message Selection.
#ifndef SMT_RELAY_RULES_SUBSCRIPTION_H_
#define SMT_RELAY_RULES_SUBSCRIPTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/smtrelay.pb.h"
#include "relay/names/pattern_set.h"
#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

struct Subscription {
  std::vector<std::string> topic, exclude;
  uint32_t hops = 0;   // relays that it came through
  Pacing pacing = {};  // which samples of them
  uint32_t group = 0;  // of those of one group the first that names a topic counts

  bool operator==(const Subscription&) const = default;
};

inline constexpr size_t kMaxSubscriptions = 1024;
inline constexpr size_t kMaxPatterns = 4096;  // of all selections together
inline constexpr size_t kMaxTotalPatternBytes = 256 * 1024;
inline constexpr int64_t kMaxPeriodNs = int64_t{1} << 53;  // of a Pacing on the wire: 104 days

// Several selections, compiled: matches what one of them matches.
class SubscriptionSet {
 public:
  SubscriptionSet() = default;
  // kInvalid: a pattern is none, or there are too many. REQUIRES: those of one group stand together.
  static Result<SubscriptionSet> compile(std::vector<Subscription> subscriptions);

  bool matches(std::string_view topic) const;
  // What is wanted of the topic, by all groups together; nothing: none wants it.
  std::optional<Pacing> pacing_for(std::string_view topic) const;
  const std::vector<Subscription>& items() const { return items_; }
  bool empty() const { return items_.empty(); }

 private:
  std::vector<Subscription> items_;
  PatternSets sets_;  // by selection
};

// kInvalid as above.
Result<SubscriptionSet> subscriptions_from_wire(
    const google::protobuf::RepeatedPtrField<proto::Selection>& subscriptions);
void to_wire(const std::vector<Subscription>& subscriptions,
             google::protobuf::RepeatedPtrField<proto::Selection>* out);

// The groups of `more` added to `to`. Groups of the same topics become one, with the fewest hops, that asks
// for all that they ask for. False: not all of them fit into a message.
bool unite(const std::vector<Subscription>& more, uint32_t hops_more, std::vector<Subscription>* to);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_SUBSCRIPTION_H_
