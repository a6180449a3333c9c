#include "relay/link_table.h"

#include <algorithm>
#include <utility>

namespace smt::relay {

uint64_t LinkTable::add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options) {
  const auto others = links.size() > 1 ? std::make_shared<Alternatives>(links.size()) : nullptr;
  for (size_t rank = 0; rank < links.size(); ++rank) {
    LinkState& l = *links_.emplace_back(std::make_unique<LinkState>());
    l.number = next_number_;
    l.link = std::move(links[rank]);
    l.options = options;
    l.others = others;
    l.rank = rank;
  }
  return next_number_++;
}

void LinkTable::remove(uint64_t number) {
  std::erase_if(links_, [&](const auto& l) { return l->number == number; });
}

LinkState& LinkTable::of(const Link* link) const {
  return **std::find_if(links_.begin(), links_.end(), [&](const auto& l) { return l->link.get() == link; });
}

void LinkTable::on_session_ended(const Session& s, int64_t now_ns) {
  LinkState& l = of(s.link());
  l.sessions.erase(s.id());
  if (l.dials()) l.dial.on_session_ended(s.rtt_ns());
  if (l.others != nullptr) l.others->down(l.rank);
  l.since_ns = now_ns;
}

Status LinkTable::refusal() const {
  const auto refused =
      std::find_if(links_.begin(), links_.end(), [](const auto& l) { return !l->refusal.ok(); });
  return refused == links_.end() ? Status() : (*refused)->refusal;
}

std::vector<Viewpoint::Lost> LinkTable::lost() const {
  std::vector<Viewpoint::Lost> out;
  for (const auto& l : links_) {
    if (l->dials() && l->sessions.empty()) out.push_back({l->link->endpoint(), l->since_ns});
  }
  return out;
}

bool LinkTable::readable() const {
  return std::any_of(links_.begin(), links_.end(), [](const auto& l) { return l->link->readable(); });
}

int64_t LinkTable::due_ns(int64_t now_ns) const {
  int64_t due = INT64_MAX;
  for (const auto& l : links_) {
    due = std::min(due, l->link->due_ns());
    if (l->others != nullptr) due = std::min(due, l->others->due_ns(now_ns));
    if (l->others != nullptr && !l->others->dials(l->rank, now_ns)) continue;
    if (l->dials() && l->sessions.empty()) due = std::min(due, l->dial.due_ns(now_ns));
  }
  return due;
}

}  // namespace smt::relay
