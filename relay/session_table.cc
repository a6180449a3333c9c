#include "relay/session_table.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "relay/message/durations.h"

namespace smt::relay {

namespace {

// A dialled link has one peer, and its failures to connect are about the same thing; a bound one has many
// peers.
MessageKey connection_state(const Session& s, const std::string& state) {
  const std::string& endpoint = s.link()->endpoint();
  return MessageKey::state(s.link()->dials() ? endpoint : endpoint + " " + s.peer().name,
                           s.peer().name + " " + state);
}

// For people; nothing where it is the default.
std::string text_of(const Liveness& liveness) {
  if (liveness == Liveness()) return "";
  return ", heartbeat " + time_words(liveness.heartbeat_ns) + ", patience " +
         time_words(liveness.patience_ns);
}

}  // namespace

SessionTable::SessionTable(const RelayOptions* options, LinkTable* links, Outbound* outbound,
                           Inbound* inbound, Counters* counters, Events events)
    : options_(options),
      links_(links),
      outbound_(outbound),
      inbound_(inbound),
      counters_(counters),
      events_(std::move(events)) {}

void SessionTable::begin(LinkState* l, const PeerId& id, uint64_t number, Session::Peer peer,
                         int64_t now_ns) {
  const uint64_t key = next_key_++;
  const auto warn = [this](const std::string& k, const std::string& text) {
    options_->report(Severity::kWarning, k, text);
  };
  Session* s =
      sessions_
          .emplace(key, std::make_unique<Session>(key, number, l->link.get(), id, std::move(peer), l->options,
                                                  outbound_, inbound_, &schedule_, warn, now_ns))
          .first->second.get();
  of_instance_.emplace(s->peer().instance, key);
  account(*s);
  l->sessions[id] = key;
  l->since_ns = now_ns;
  ++counters_->session.opened;
  options_->report(Severity::kInfo, connection_state(*s, "is here"),
                   "peer " + s->peer().name + " on " + l->link->endpoint() + text_of(s->peer().liveness));
  if (l->others != nullptr) {
    l->others->up(l->rank, now_ns);
    s->set_standby(true);
    choose_addresses(now_ns);
  }
  events_.begun(s);
}

void SessionTable::end(uint64_t key, const std::string& why, int64_t now_ns) {
  const auto it = sessions_.find(key);
  if (it == sessions_.end()) return;
  Session& s = *it->second;
  options_->report(Severity::kInfo, connection_state(s, "is gone"),
                   "peer " + s.peer().name + " on " + s.link()->endpoint() + " is gone: " + why);
  links_->on_session_ended(s, now_ns);
  ++counters_->session.ended;
  s.record_peaks(&counters_->outbound);
  events_.ended(key);
  const auto [first, last] = of_instance_.equal_range(s.peer().instance);
  of_instance_.erase(std::find_if(first, last, [key](const auto& each) { return each.second == key; }));
  bytes_ -= bytes_of_.extract(key).mapped();
  found_ = nullptr;
  sessions_.erase(it);
}

void SessionTable::end(Session* s, proto::Reset::Reason reason, const std::string& text,
                       const std::string& why, int64_t now_ns) {
  s->send_reset(reason, text);
  end(s->key(), why, now_ns);
}

Session* SessionTable::find(uint64_t key) const {
  if (found_ != nullptr && found_->key() == key) return found_;
  const auto it = sessions_.find(key);
  return it == sessions_.end() ? nullptr : found_ = it->second.get();
}

bool SessionTable::account(const Session& s) {
  uint64_t& bytes = bytes_of_[s.key()];
  bytes_ += s.bytes() - bytes;
  bytes = s.bytes();
  return bytes_ <= options_->max_session_bytes && bytes <= options_->max_session_bytes / 2;
}

std::string SessionTable::full_text() const {
  return std::to_string(sessions_.size()) + " sessions take " + std::to_string(bytes_) + " of the " +
         std::to_string(options_->max_session_bytes) + " bytes that they may take here";
}

std::vector<uint64_t> SessionTable::of_instance(uint64_t instance) const {
  std::vector<uint64_t> keys;
  const auto [first, last] = of_instance_.equal_range(instance);
  for (auto it = first; it != last; ++it) keys.push_back(it->second);
  return keys;
}

Session* SessionTable::find(const LinkState& l, const PeerId& id) const {
  const auto known = l.sessions.find(id);
  return known == l.sessions.end() ? nullptr : find(known->second);
}

void SessionTable::choose_addresses(int64_t now_ns) {
  for (const auto& l : links_->all()) {
    if (l->others == nullptr || l->rank != 0) continue;
    if (!l->others->update(now_ns)) continue;
    const std::optional<size_t> active = l->others->active();
    changed_ = true;
    for (const auto& other : links_->all()) {
      if (other->others != l->others || other->sessions.empty()) continue;
      Session* s = find(other->sessions.begin()->second);
      if (active && other->rank > *active) {
        end(s, proto::Reset::BYE, "a better address answers again", "a better address answers again", now_ns);
      } else if (active && other->rank == *active) {
        s->set_standby(false);
        options_->report(Severity::kInfo,
                         MessageKey::state("address " + l->link->endpoint(), other->link->endpoint()),
                         "peer " + s->peer().name + " is reached at " + other->link->endpoint());
      }
    }
  }
}

}  // namespace smt::relay
