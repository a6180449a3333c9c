// The topics that a relay sends, those that it asks for and their fate here, and those that peers may set:
// the rules of its command line and its configuration file.
//
// A rule names a topic for a peer if one of its `topic` patterns matches, none of its `exclude` does, and the
// peer is one that it is for. Of several rules to send, to receive or to write the first that does decides;
// of those of access one that denies does.
#ifndef SMT_RELAY_RULES_RULES_H_
#define SMT_RELAY_RULES_RULES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smt::relay {

// The greater priority is sent first; large values make way between their pieces.
enum class Priority : uint8_t { kLow = 0, kNormal = 1, kHigh = 2, kUrgent = 3 };
inline constexpr size_t kPriorities = 4;

// Which samples of a topic are sent, and when. Who receives asks for one, who sends allows one; of the two
// the one that sends less counts.
struct Pacing {
  // Each sample of the source's ring in order, and after an interruption all that are still in it; otherwise
  // the newest one only.
  bool every = false;
  Priority priority = Priority::kNormal;
  int64_t period_ns = 0;     // at most one sample in so long on the average; 0: as many as the link takes
  bool tick = false;         // the newest at each multiple of period_ns, all topics at the same instants
  uint32_t one_of = 1;       // one of so many, by their sequences
  bool on_change = false;    // only a value that differs from the one sent last ...
  double deadband = 0;       // ... and, where only numbers differ, one of them by more than this
  int64_t heartbeat_ns = 0;  // with on_change: an unchanged one too, after so long; 0: never

  bool operator==(const Pacing&) const = default;
};

// The fate of a mirrored topic when its maximum age is over.
enum class OnStale {
  kHold,       // the last value stays, and is stale
  kZero,       // a value of zeros stands in
  kTombstone,  // the topic is removed until a newer sample comes
  kBytes,      // the rule's `fail_safe` stands in
};

struct SendRule {
  std::vector<std::string> topic = {"**"}, exclude;
  std::vector<std::string> to = {"*"};  // names of peers, as patterns
  Pacing pacing = {.every = true};      // the most that peers get
  uint64_t bytes_per_s = 0;             // of values, of all its topics together, to one peer; 0: no cap
  uint64_t max_bytes = 0;               // no topic with larger values; 0: any
  int64_t drop_older_ns = 0;            // no sample older than this; 0: any
};

struct ReceiveRule {
  std::vector<std::string> topic = {"**"}, exclude;  // as the sender names them
  std::vector<std::string> from = {"*"};             // names of peers, as patterns
  Pacing pacing;                                     // what is asked for
  // What the topic is called here, see relay/rules/naming.h. One of them at most.
  std::string prefix;  // put before its name, with a '/'; {peer} is the name of the peer
  std::string as;      // has the wildcards of the only `topic` pattern, which stand for the same text
  std::optional<int64_t> max_age_ns;  // instead of what the source says; 0: none
  OnStale on_stale = OnStale::kHold;
  std::vector<std::byte> fail_safe;  // with kBytes
  int64_t drop_older_ns = 0;         // nothing that is older when it arrives; 0: any
};

// A bound of numbers.
struct Limit {
  std::string field;  // "": each number of the value
  double value = 0;
  bool operator==(const Limit&) const = default;
};

// Topics that peers may set in this relay's memory. Without such a rule they may set none.
struct WriteRule {
  std::vector<std::string> topic = {}, exclude = {};
  std::vector<std::string> from = {"*"};  // names of the peers that ask here, as patterns
  std::string type = {};  // of a topic that is not there, see Schema::parse; "": it must be there
  // Who sets a topic may go on alone for so long after each value; none: the dead man's time, or 1 s.
  std::optional<int64_t> lease_ns = {};
  // After so long without a value the fail-safe value is written; 0: never.
  int64_t dead_man_ns = 1'000'000'000;
  OnStale on_expiry = OnStale::kZero;
  std::vector<std::byte> fail_safe = {};  // with kBytes
  std::vector<Limit> min = {}, max = {};
  int64_t period_ns = 0;    // at most one value in so long on the average; 0: any number
  std::string origin = {};  // where the rule stands, for people

  int64_t lease() const { return lease_ns.value_or(dead_man_ns != 0 ? dead_man_ns : 1'000'000'000); }
};

// The rights of a peer to a topic: to have its values, to know of it, to set it.
enum class Right : uint8_t { kRead = 1, kList = 2, kWrite = 4 };
using Rights = uint8_t;  // some of them
constexpr Rights operator|(Right a, Right b) { return static_cast<Rights>(Rights(a) | Rights(b)); }
constexpr Rights operator|(Rights a, Right b) { return static_cast<Rights>(a | Rights(b)); }
constexpr bool has(Rights rights, Right right) { return (rights & Rights(right)) != 0; }

// A rule of access: see relay/rules/access.h.
struct AccessRule {
  std::vector<std::string> peer = {"*"};  // names of peers, as patterns
  std::vector<std::string> topic = {"**"}, exclude = {};
  Rights rights = 0;
  std::string origin = {};  // "FILE:LINE:COLUMN", for people
};
struct AllowRule : AccessRule {
  AllowRule() { rights = Right::kRead | Right::kList; }
};
struct DenyRule : AccessRule {
  DenyRule() { rights = Right::kRead | Right::kList | Right::kWrite; }
};
struct AccessRules {
  std::vector<AllowRule> allow;
  std::vector<DenyRule> deny;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_RULES_H_
