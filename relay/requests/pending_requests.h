// The one ledger under get, set and trace: requests that wait for the replies of peers, and those that are
// answered and still remembered.
//
// A request is this process's own or that of a session, which the relay passes on. It waits until each peer
// that it was passed on to has replied or is gone, or until its deadline. Once answered it stays known for a
// while: so that its result can be fetched, and so that a request that comes back over a ring of relays is
// recognised and ends there. Each use says itself what a request holds, whom it is passed on to and what its
// answer is.
#ifndef SMT_RELAY_REQUESTS_PENDING_REQUESTS_H_
#define SMT_RELAY_REQUESTS_PENDING_REQUESTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>

namespace smt::relay {

// How long the peers behind a relay have: less the further away it is from who asked first, so that each
// relay on the way answers in time with what it knows.
inline constexpr int64_t wait_ns(uint32_t hops) { return 1'000'000'000 - int64_t{hops} * 100'000'000; }

struct RequestLimits {
  size_t max_unanswered = SIZE_MAX;  // of one session, with what is queued for it
  size_t max_answered = SIZE_MAX;    // of one session; beyond it the one to be forgotten next goes
  size_t max_kept = SIZE_MAX;        // of all
};

enum class Admission {
  kNew,      // add() it
  kKnown,    // it has come already: it ends here
  kFull,     // no room for any more
  kTooMany,  // the session has more unanswered than a peer may have
};

// A session is named by its key, which is not 0. Result has the members done, complete and peers. Reads no
// clock.
template <class Content, class Result>
class PendingRequests {
 public:
  struct Request {
    uint64_t asker = 0;  // session key; 0: this process
    Content content;
    int64_t deadline_ns = 0;
    int64_t forget_ns = 0;       // of one that is answered
    bool look_due = false;       // see look_later()
    std::set<uint64_t> waiting;  // session keys of the peers that have not replied
    Result result;

    // Each peer has replied or is gone; of this process's own request at least one has replied.
    bool has_all_replies() const { return waiting.empty() && (asker != 0 || result.peers != 0); }
  };

  explicit PendingRequests(const RequestLimits& limits = {}) : limits_(limits) {}

  // Whether a request of a session may be added. `queued`: messages that wait to be sent to it.
  Admission admit(uint64_t number, uint64_t asker, size_t queued) {
    size_t unanswered = 0, answered = 0;
    auto oldest = requests_.end();
    for (auto it = requests_.begin(); it != requests_.end(); ++it) {
      const Request& r = it->second;
      if (r.asker != asker) continue;
      ++(r.result.done ? answered : unanswered);
      if (r.result.done && (oldest == requests_.end() || r.forget_ns < oldest->second.forget_ns)) oldest = it;
    }
    if (unanswered + queued >= limits_.max_unanswered) return Admission::kTooMany;
    if (answered >= limits_.max_answered) requests_.erase(oldest);
    if (requests_.size() >= limits_.max_kept) return Admission::kFull;
    return requests_.count(number) != 0 ? Admission::kKnown : Admission::kNew;
  }
  // Valid until it is forgotten. `asker` 0: this process.
  Request* add(uint64_t number, uint64_t asker, Content content, int64_t deadline_ns) {
    Request& r = requests_[number];
    r = Request();
    r.asker = asker;
    r.content = std::move(content);
    r.deadline_ns = deadline_ns;
    return &r;
  }

  // A request that needs a look at a store that is collected waits for it in order of arrival.
  void look_later(uint64_t number) {
    requests_.at(number).look_due = true;
    looks_.push_back(number);
  }
  bool look_due() const { return !looks_.empty(); }
  // The next one, whose look is not due from here on. REQUIRES: look_due().
  std::pair<uint64_t, Request*> take_look() {
    const uint64_t number = looks_.front();
    looks_.pop_front();
    Request& r = requests_.at(number);
    r.look_due = false;
    return {number, &r};
  }

  // A peer has replied. Null: the request does not wait for it (any more).
  Request* on_reply(uint64_t number, uint64_t peer, bool complete) {
    const auto it = requests_.find(number);
    if (it == requests_.end() || it->second.waiting.erase(peer) == 0) return nullptr;
    Result& result = it->second.result;
    ++result.peers;
    result.complete = result.complete && complete;
    return &it->second;
  }
  // A session has ended: `lost(&request)` is called for each request that waited for it, and its own ones
  // that are not answered are dropped.
  template <class Lost>
  void on_session_ended(uint64_t session, const Lost& lost) {
    for (auto it = requests_.begin(); it != requests_.end();) {
      Request& r = it->second;
      if (r.waiting.erase(session) != 0) lost(&r);
      const bool dropped = r.asker == session && !r.result.done;
      if (dropped && r.look_due) std::erase(looks_, it->first);
      it = dropped ? requests_.erase(it) : std::next(it);
    }
  }

  // Calls `visit(number, &request, late)` for each that is not answered, late: its deadline has passed; then
  // forgets those whose time is over.
  template <class Visit>
  void update(int64_t now_ns, const Visit& visit) {
    for (auto it = requests_.begin(); it != requests_.end();) {
      Request& r = it->second;
      if (!r.result.done) visit(it->first, &r, now_ns >= r.deadline_ns);
      it = r.result.done && now_ns > r.forget_ns ? requests_.erase(it) : std::next(it);
    }
  }
  // It is answered, and forgotten by the first update() after `forget_ns`.
  void finish(Request* request, int64_t forget_ns) {
    request->result.done = true;
    request->forget_ns = forget_ns;
  }

  // When update() is due because time is up; INT64_MAX: it is not.
  int64_t due_ns() const {
    int64_t due = INT64_MAX;
    for (const auto& [number, r] : requests_) {
      if (!r.result.done) due = std::min(due, r.deadline_ns);
    }
    return due;
  }
  bool empty() const { return requests_.empty(); }
  size_t unanswered() const {
    return static_cast<size_t>(std::count_if(requests_.begin(), requests_.end(),
                                             [](const auto& r) { return !r.second.result.done; }));
  }
  // How many wait for this peer.
  size_t waiting_for(uint64_t peer) const {
    return static_cast<size_t>(std::count_if(requests_.begin(), requests_.end(), [&](const auto& r) {
      return r.second.waiting.count(peer) != 0;
    }));
  }
  // Of one that is not known (any more): done, and not complete.
  Result result(uint64_t number) const {
    if (const auto it = requests_.find(number); it != requests_.end()) return it->second.result;
    Result unknown;
    unknown.done = true;
    unknown.complete = false;
    return unknown;
  }

 private:
  RequestLimits limits_;
  std::map<uint64_t, Request> requests_;  // by number
  std::deque<uint64_t> looks_;            // numbers
};

}  // namespace smt::relay

#endif  // SMT_RELAY_REQUESTS_PENDING_REQUESTS_H_
