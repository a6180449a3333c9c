#include "relay/request_turns.h"

#include <algorithm>

namespace smt::relay {

Allowance RequestTurns::of(const Session& s) const {
  const auto it = allowances_.find(s.peer().name);
  return it == allowances_.end() ? Allowance() : it->second;
}

bool RequestTurns::may_ask(const Session& s, int64_t now_ns) const {
  return of(s).open(now_ns) || std::all_of(sessions_->begin(), sessions_->end(), [&](const auto& other) {
           return other.second->peer().name == s.peer().name;
         });
}

Session* RequestTurns::next(int64_t now_ns) {
  std::erase_if(asking_, [this](uint64_t key) {
    const auto s = sessions_->find(key);
    return s == sessions_->end() || !s->second->has_request();
  });
  const auto first = asking_.upper_bound(last_);
  const auto find = [&](auto from, auto to) {
    return std::find_if(from, to, [&](uint64_t key) { return may_ask(*sessions_->at(key), now_ns); });
  };
  auto it = find(first, asking_.end());
  if (it == asking_.end() && (it = find(asking_.begin(), first)) == first) return nullptr;
  last_ = *it;
  return sessions_->at(*it).get();
}

void RequestTurns::charge(const Session& s, int64_t begun_ns, int64_t ended_ns) {
  allowances_[s.peer().name].charge(ended_ns - begun_ns, begun_ns);
}

void RequestTurns::forget_paid(int64_t now_ns) {
  std::erase_if(allowances_, [&](const auto& a) { return a.second.paid(now_ns); });
}

}  // namespace smt::relay
