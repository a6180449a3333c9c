#include "cmd/metrics/status_json.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "cmd/metrics/counter_rows.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using Json = nlohmann::ordered_json;

// "silent": nobody has answered there.
std::string_view stands_name(relay::DialedEndpoint::Stands stands) {
  switch (stands) {
    case relay::DialedEndpoint::Stands::kFine:
      return "fine";
    case relay::DialedEndpoint::Stands::kElsewhere:
      return "elsewhere";
    case relay::DialedEndpoint::Stands::kSilent:
      return "silent";
    case relay::DialedEndpoint::Stands::kSendsNothing:
      return "sends-nothing";
    case relay::DialedEndpoint::Stands::kWantsNothing:
      return "wants-nothing";
  }
  return "silent";
}

// In milliseconds; null: not known.
Json milliseconds(std::optional<int64_t> ns) {
  return ns ? Json(static_cast<double>(*ns / 1000) / 1e3) : Json(nullptr);
}

Json peers_of(const RelaySnapshot& s) {
  Json peers = Json::array();
  for (const relay::PeerInfo& p : s.peers) {
    const std::optional<int64_t> rtt = p.rtt_ns == 0 ? std::nullopt : std::optional(p.rtt_ns);
    peers.push_back({{"name", printable(p.name)},
                     {"endpoint", printable(p.endpoint)},
                     {"sends", p.serves},
                     {"round_trip_ms", milliseconds(rtt)}});
  }
  return peers;
}

Json endpoints_of(const RelaySnapshot& s) {
  Json endpoints = Json::array();
  for (const relay::DialedEndpoint& d : s.dialed) {
    endpoints.push_back({{"endpoint", printable(d.endpoint)},
                         {"stands", stands_name(d.stands)},
                         {"peer", printable(d.peer)},
                         {"refusal", printable(d.refusal.message())}});
  }
  return endpoints;
}

Json counts_of(const RelaySnapshot& s) {
  const auto states_of = count_states(s);
  Json states = {{"total", std::accumulate(states_of.begin(), states_of.end(), uint64_t{0})}};
  for (const State state : {State::kEmpty, State::kFresh, State::kStale, State::kSourceDead, State::kLinkDown,
                            State::kSubstituted}) {
    states[std::string(state_name(state))] = states_of[static_cast<size_t>(state)];
  }
  return states;
}

}  // namespace

std::string status_json(const RelaySnapshot& s, const std::vector<const TopicStatus*>& topics,
                        const std::string& unready) {
  Json status = {{"version", s.version},     {"name", printable(s.name)},
                 {"role", s.role},           {"uptime_ms", (s.taken_ns - s.started_ns) / 1'000'000},
                 {"ready", unready.empty()}, {"unready", printable(unready)},
                 {"peers", peers_of(s)},     {"endpoints", endpoints_of(s)}};
  Json& counters = status["counters"];
  for (const CounterRow& row : counter_rows())
    counters[std::string(row.group)][std::string(row.word)] = row.get(s);
  counters["outbound"]["pending"] = pending_outbound(s.counters.outbound);
  status["topics"] = counts_of(s);
  Json& named = status["named_topics"] = Json::array();
  for (const TopicStatus* t : topics) {
    named.push_back({{"topic", printable(t->name)},
                     {"state", state_name(t->state)},
                     {"age_ms", milliseconds(t->age_ns)},
                     {"sequence", t->sequence}});
  }
  return status.dump(2) + "\n";
}

}  // namespace smt::cmd
