// Findings of one relay that is asked why a topic does not come: in its own memory, between it and each of
// its peers, and at the endpoints that it dials. For people; nothing here changes anything but
// a counter.
#ifndef SMT_RELAY_EXPLAIN_EXPLAIN_H_
#define SMT_RELAY_EXPLAIN_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/codec.h"
#include "relay/session/session.h"

namespace smt::relay {

// Bounds of one Finding (see PROTOCOL.md), and of the findings in one Traced.
inline constexpr size_t kMaxFindingText = 512, kMaxFindingName = 255, kMaxOtherNames = 5;
inline constexpr size_t kMaxFindings = 256;

// The relay that looks.
struct Viewpoint {
  std::string name;
  uint64_t instance = 0;
  bool proxy = false;
  const Access* access = nullptr;
  uint64_t* denied = nullptr;  // counts
  Outbound* outbound = nullptr;
  Inbound* inbound = nullptr;
  Sessions* sessions = nullptr;
  // Endpoints that are dialled and do not answer, and since when.
  struct Lost {
    std::string endpoint;
    int64_t since_ns;
  };
  std::vector<Lost> lost;

  bool serves() const { return !outbound->rules().empty(); }
  // It takes topics of this peer.
  bool takes_from(const Session& s) const;
  // Whether the peer that asks may do so; where not, that is counted and told.
  bool allows(const Session& asker, const std::string& topic, Right right) const;
};

// The local name of the topic that `asker` traces. `theirs`: the asker's own name of it, or ""; `ours`: as it
// thinks that it is called here. Does not depend on topics that the asker may not list. REQUIRES: the store
// was collected in this step.
std::string name_here(const Viewpoint& at, Session* asker, const std::string& theirs,
                      const std::string& ours);
// And what it is called there, as far as that is known.
std::string name_there(const Viewpoint& at, Session* peer, const std::string& topic);

// At most kMaxFindings. `asker` hears of no other topics than it may have; `first`: it asks for itself, and
// is no relay on the way. REQUIRES: as above.
std::vector<proto::Finding> explain(const Viewpoint& at, const std::string& topic, Session* asker, bool first,
                                    int64_t now_ns);

// That the asker may not list the topic: the same whether it is there or not.
proto::Finding denied_finding(const Viewpoint& at, const Session& asker, const std::string& topic);
// Takes names of other topics out of a finding of another relay. It is for an asker who may not list all
// topics.
void leave_out_other_topics(proto::Finding* f);

// A Finding of this relay, without anything found yet.
proto::Finding finding_of(const Viewpoint& at, proto::Side side, const std::string& topic);

}  // namespace smt::relay

#endif  // SMT_RELAY_EXPLAIN_EXPLAIN_H_
