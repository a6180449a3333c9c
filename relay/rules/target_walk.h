// Can two rules give topics one name here, and which? Each rule is a machine that reads a name here symbol by
// symbol and writes the sender's name that it comes from. Two of them walk over all names at once, breadth
// first, so the first name that both accept is a shortest one.
#ifndef SMT_RELAY_RULES_TARGET_WALK_H_
#define SMT_RELAY_RULES_TARGET_WALK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/names/glob.h"
#include "shm/status.h"

namespace smt::relay {

// A symbol is the bytes of one UTF-8 character, the first one lowest; so an example is never cut inside one.
std::u32string to_symbols(std::string_view utf8);
std::string to_utf8(std::u32string_view symbols);

// Built from its beginning to its end.
class TargetMachine {
 public:
  enum class Reads : uint8_t { kNothing, kOne, kNoSlash, kAny, kPeerStart, kPeer };
  struct Edge {
    size_t to;
    Reads reads = Reads::kNothing;
    char32_t one = 0;           // with kOne
    bool copies = false;        // the symbol that is read is written
    std::u32string write = {};  // with kNothing
    bool tells_peer = false;    // the symbol that is read is a part of the name of the peer
  };

  // `here` in the name here stands for `there` in the sender's name. Both are UTF-8.
  void text(std::string_view here, std::string_view there);
  // The same wildcard in both.
  void star() { loop(Reads::kNoSlash, true); }
  void stars(const GlobPart& here, const GlobPart& there);
  // The name of a peer that matches `from`, in the name here only. The first one is told by Meet.
  void peer(const std::string& from);
  // A glob that keeps its names.
  void glob(const std::vector<GlobPart>& parts);

  // State 0 is the first, end() the last and the only one that accepts.
  const std::vector<std::vector<Edge>>& states() const { return states_; }
  size_t end() const { return end_; }

 private:
  void add(Edge edge);  // to a new state, which becomes the end
  void loop(Reads reads, bool copies);
  bool has_peer_ = false;
  std::vector<std::vector<Edge>> states_ = {{}};
  size_t end_ = 0;
};

// Sender's names that do not get to a rule: those that `names` matches and none of `but_not`.
// A glob that does not begin with smt/ matches nothing below smt/.
struct Withheld {
  std::vector<std::string> names, but_not;  // globs
};

struct TargetSide {
  TargetMachine machine;
  bool system = false;  // its pattern begins with smt/
  std::vector<Withheld> withheld;
  std::string known;  // its symbols do not stand for what nobody names
};

struct Meeting {
  std::string name;
  std::string source[2], peer[2];  // a peer is empty where the name does not tell it
};

// The shortest name, with the names that it comes from, or none. kInvalid: it takes more than a bounded
// number of steps (some tenths of a second) to find out.
Result<std::optional<Meeting>> meet(const TargetSide& first, const TargetSide& second);

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_TARGET_WALK_H_
