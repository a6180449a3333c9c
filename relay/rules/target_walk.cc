#include "relay/rules/target_walk.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace smt::relay {
namespace {

constexpr size_t kMaxSteps = 500'000;
constexpr size_t kMaxNameBytes = 255;
constexpr std::string_view kPeerStarts = "xyzabcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

using Edge = TargetMachine::Edge;
using Reads = TargetMachine::Reads;

bool fits(const Edge& edge, char32_t c) {
  switch (edge.reads) {
    case Reads::kNothing:
      return false;
    case Reads::kOne:
      return c == edge.one;
    case Reads::kNoSlash:
      return c != '/';
    case Reads::kAny:
      return true;
    case Reads::kPeerStart:
      return c < 0x80 && kPeerStarts.find(static_cast<char>(c)) != kPeerStarts.npos;
    case Reads::kPeer:
      return c == '.' || (c < 0x80 && kPeerStarts.find(static_cast<char>(c)) != kPeerStarts.npos);
  }
  return false;
}

// Follows a sender's name while it is written, and knows at each point whether a name that ends there is
// withheld. All globs run at once; the set of states that they are in has a number.
class Watch {
 public:
  explicit Watch(const TargetSide& side) : system_(side.system), groups_(1 + side.withheld.size()) {
    add("smt/*/**", {kBelowSmt, false, true});
    for (size_t i = 0; i < side.withheld.size(); ++i) {
      const auto add_all = [&](const std::vector<std::string>& globs, bool spares) {
        for (const std::string& glob : globs) add(glob, {i + 1, spares, glob.starts_with("smt/")});
      };
      add_all(side.withheld[i].names, false);
      add_all(side.withheld[i].but_not, true);
    }
    std::set<size_t> begin;
    for (const size_t start : starts_) reach(start, &begin);
    begin_ = number(begin);
  }

  size_t begin() const { return begin_; }
  bool withholds(size_t at) const { return withheld_[at]; }

  // What it costs is added to *steps.
  size_t write(size_t at, char32_t c, size_t* steps) {
    const auto [known, is_new] = next_.try_emplace(std::pair(at, c), 0);
    if (!is_new) return known->second;
    std::set<size_t> next;
    for (const size_t state : sets_[at]) {
      for (const Edge& edge : states_[state]) {
        if (fits(edge, c)) reach(edge.to, &next);
      }
    }
    *steps += 4 * (sets_[at].size() + next.size());
    return known->second = number(next);
  }

  void collect(std::set<char32_t>* symbols) const {
    for (const std::vector<Edge>& edges : states_) {
      for (const Edge& edge : edges) {
        if (edge.reads == Reads::kOne) symbols->insert(edge.one);
      }
    }
  }

 private:
  static constexpr size_t kBelowSmt = 0;  // the group of what only patterns that begin with smt/ name
  struct End {
    size_t group;
    bool spares, system;
  };

  void add(const std::string& glob, End end) {
    Result<std::vector<GlobPart>> parts = parse_glob(glob);
    if (!parts.ok()) return;  // a RuleSet has looked at it
    TargetMachine machine;
    machine.glob(*parts);
    const size_t start = states_.size();
    for (std::vector<Edge> edges : machine.states()) {
      for (Edge& edge : edges) edge.to += start;
      states_.push_back(std::move(edges));
    }
    starts_.push_back(start);
    ends_.emplace(start + machine.end(), end);
  }

  // Adds the state and all that it leads to without a symbol. Such edges never lead back: the recursion is as
  // deep as there are wildcards side by side in 1024 bytes.
  void reach(size_t state, std::set<size_t>* states) {
    if (!states->insert(state).second) return;
    for (const Edge& edge : states_[state]) {
      if (edge.reads == Reads::kNothing) reach(edge.to, states);
    }
  }

  size_t number(const std::set<size_t>& states) {
    const auto [known, is_new] = numbers_.try_emplace({states.begin(), states.end()}, sets_.size());
    if (!is_new) return known->second;
    sets_.push_back(known->first);
    withheld_.push_back(is_withheld(known->first));
    return known->second;
  }

  bool is_withheld(const std::vector<size_t>& states) const {
    std::vector<End> ends;
    for (const size_t state : states) {
      if (auto end = ends_.find(state); end != ends_.end()) ends.push_back(end->second);
    }
    const bool below_smt = std::any_of(ends.begin(), ends.end(), [](End e) { return e.group == kBelowSmt; });
    if (below_smt && !system_) return true;
    std::vector<bool> named(groups_), spared(groups_);
    for (const End& end : ends) {
      if (end.group != kBelowSmt && (end.system || !below_smt))
        (end.spares ? spared : named)[end.group] = true;
    }
    for (size_t i = 0; i < groups_; ++i) {
      if (named[i] && !spared[i]) return true;
    }
    return false;
  }

  const bool system_;
  const size_t groups_;
  std::vector<std::vector<Edge>> states_;
  std::vector<size_t> starts_;
  std::unordered_map<size_t, End> ends_;
  std::map<std::vector<size_t>, size_t> numbers_;
  std::vector<std::vector<size_t>> sets_;
  std::vector<bool> withheld_;
  std::map<std::pair<size_t, char32_t>, size_t> next_;
  size_t begin_ = 0;
};

// Where the walk is: a name so far, as both machines see it.
struct Place {
  size_t state[2] = {0, 0};
  size_t watch[2] = {0, 0};
  // The name here and the two that are written end with '/' or are empty: neither an end nor a '/' may
  // follow.
  bool open = true, source_open[2] = {true, true};

  bool operator==(const Place&) const = default;
  struct Hash {
    size_t operator()(const Place& p) const {
      size_t h = p.open + 2 * p.source_open[0] + 4 * p.source_open[1];
      for (const size_t n : {p.state[0], p.state[1], p.watch[0], p.watch[1]}) h = h * 0x9E3779B97F4A7C15u + n;
      return h ^ (h >> 29);
    }
  };
};

struct Step {
  Place place;
  size_t from = 0;    // of the steps taken; the first leads to itself
  char32_t read = 0;  // 0: none
  const Edge* edge[2] = {nullptr, nullptr};
};

class Walk {
 public:
  Walk(const TargetSide& first, const TargetSide& second)
      : machine_{&first.machine, &second.machine}, watch_{Watch(first), Watch(second)} {
    std::set<char32_t> symbols = {'/'};
    for (int side : {0, 1}) {
      watch_[side].collect(&symbols);
      for (const char32_t c : to_symbols((side == 0 ? first : second).known)) symbols.insert(c);
      for (const std::vector<Edge>& edges : machine_[side]->states()) {
        for (const Edge& edge : edges) {
          if (edge.reads == Reads::kOne) symbols.insert(edge.one);
        }
      }
    }
    // One that no pattern names stands for all of them; a name of a peer may hold it.
    for (const char c : kPeerStarts) {
      if (symbols.count(static_cast<char32_t>(c)) != 0) continue;
      symbols_.push_back(static_cast<char32_t>(c));
      break;
    }
    symbols_.insert(symbols_.end(), symbols.begin(), symbols.end());
  }

  Result<std::optional<Meeting>> run() {
    Step begin;
    for (int side : {0, 1}) begin.place.watch[side] = watch_[side].begin();
    ahead_.push_back(begin);
    size_t steps = 0;
    while (!ahead_.empty()) {
      const Step step = std::move(ahead_.front());
      ahead_.pop_front();
      if (++steps > kMaxSteps) {
        return {Code::kInvalid, "their patterns are too long to be compared; use fewer wildcards"};
      }
      if (!seen_.insert(step.place).second) continue;
      taken_.push_back(step);
      if (accepts(step.place)) {
        std::optional<Meeting> meeting = tell();
        if (meeting) return meeting;
      }
      expand(step.place, taken_.size() - 1, &steps);
    }
    return std::optional<Meeting>();
  }

 private:
  bool accepts(const Place& p) const {
    for (int side : {0, 1}) {
      if (p.state[side] != machine_[side]->end() || p.source_open[side]) return false;
      if (watch_[side].withholds(p.watch[side])) return false;
    }
    return !p.open;
  }

  // False: no name can go on so.
  bool write(int side, char32_t c, Place* p, size_t* steps) {
    if (c == '/' && p->source_open[side]) return false;
    p->source_open[side] = c == '/';
    p->watch[side] = watch_[side].write(p->watch[side], c, steps);
    return true;
  }

  void expand(const Place& place, size_t from, size_t* steps) {
    for (int side : {0, 1}) {
      for (const Edge& edge : machine_[side]->states()[place.state[side]]) {
        if (edge.reads != Reads::kNothing) continue;
        Step next{place, from};
        next.edge[side] = &edge;
        next.place.state[side] = edge.to;
        bool good = true;
        for (const char32_t c : edge.write) good = good && write(side, c, &next.place, steps);
        if (good) ahead_.push_front(next);  // the name gets no longer
      }
    }
    for (const Edge& first : machine_[0]->states()[place.state[0]]) {
      for (const Edge& second : machine_[1]->states()[place.state[1]]) {
        if (first.reads == Reads::kNothing || second.reads == Reads::kNothing) continue;
        if (first.reads == Reads::kOne || second.reads == Reads::kOne) {
          read(place, from, first, second, first.reads == Reads::kOne ? first.one : second.one, steps);
        } else {
          for (const char32_t c : symbols_) read(place, from, first, second, c, steps);
        }
      }
    }
  }

  void read(const Place& place, size_t from, const Edge& first, const Edge& second, char32_t c,
            size_t* steps) {
    if (!fits(first, c) || !fits(second, c) || (c == '/' && place.open)) return;
    Step next{place, from, c, {&first, &second}};
    next.place.open = c == '/';
    for (int side : {0, 1}) {
      next.place.state[side] = next.edge[side]->to;
      if (next.edge[side]->copies && !write(side, c, &next.place, steps)) return;
    }
    ahead_.push_back(next);
  }

  // The names of the step taken last; none if they are longer than names are.
  std::optional<Meeting> tell() const {
    std::vector<const Step*> way;
    for (size_t i = taken_.size() - 1; i != 0; i = taken_[i].from) way.push_back(&taken_[i]);
    std::u32string name, source[2], peer[2];
    for (auto step = way.rbegin(); step != way.rend(); ++step) {
      if ((*step)->read != 0) name += (*step)->read;
      for (int side : {0, 1}) {
        const Edge* edge = (*step)->edge[side];
        if (edge == nullptr) continue;
        source[side] += edge->write;
        if (edge->copies) source[side] += (*step)->read;
        if (edge->tells_peer && (*step)->read != 0) peer[side] += (*step)->read;
      }
    }
    Meeting meeting;
    meeting.name = to_utf8(name);
    bool too_long = meeting.name.size() > kMaxNameBytes;
    for (int side : {0, 1}) {
      meeting.source[side] = to_utf8(source[side]);
      meeting.peer[side] = to_utf8(peer[side]);
      too_long = too_long || meeting.source[side].size() > kMaxNameBytes;
    }
    if (too_long) return {};
    return meeting;
  }

  const TargetMachine* machine_[2];
  Watch watch_[2];
  std::vector<char32_t> symbols_;
  std::deque<Step> ahead_;
  std::unordered_set<Place, Place::Hash> seen_;
  std::vector<Step> taken_;
};

}  // namespace

Result<std::optional<Meeting>> meet(const TargetSide& first, const TargetSide& second) {
  return Walk(first, second).run();
}

}  // namespace smt::relay
