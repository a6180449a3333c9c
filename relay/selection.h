// What a peer wants: topics by pattern. Travels as the message Selection.
#ifndef SMT_RELAY_SELECTION_H_
#define SMT_RELAY_SELECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/smtrelay.pb.h"
#include "relay/pattern.h"
#include "shm/status.h"

namespace smt::relay {

struct Selection {
  std::vector<std::string> topic, exclude;
  uint32_t hops = 0;      // relays that it came through
  int64_t period_ns = 0;  // at most one sample of each topic in so long; 0: no such limit

  bool operator==(const Selection&) const = default;
};

inline constexpr size_t kMostSelections = 1024;
inline constexpr size_t kMostPatterns = 4096;  // of all selections together
inline constexpr size_t kMostPatternBytes = 256 * 1024;
inline constexpr int64_t kLongestPeriodNs = int64_t{1} << 53;  // of a Selection: 104 days

// Several selections, compiled: matches what one of them matches.
class Demand {
 public:
  Demand() = default;
  // kInvalid: a pattern is none, or there are too many.
  static Result<Demand> compile(std::vector<Selection> selections);

  bool matches(std::string_view topic) const { return period_ns(topic).has_value(); }
  // The least of those that match; nothing: none does.
  std::optional<int64_t> period_ns(std::string_view topic) const;
  const std::vector<Selection>& selections() const { return selections_; }
  bool empty() const { return selections_.empty(); }

 private:
  std::vector<Selection> selections_;
  std::vector<PatternSet> sets_;
};

// kInvalid as above.
Result<Demand> DemandFromWire(const google::protobuf::RepeatedPtrField<proto::Selection>& selections);
void ToWire(const std::vector<Selection>& selections,
            google::protobuf::RepeatedPtrField<proto::Selection>* out);

// `more` added to `to`, each selection once, with the fewest hops and the least period. False: not all of
// them fit into a message.
bool Unite(const std::vector<Selection>& more, uint32_t hops_more, std::vector<Selection>* to);

}  // namespace smt::relay

#endif  // SMT_RELAY_SELECTION_H_
