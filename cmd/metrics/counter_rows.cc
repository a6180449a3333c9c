#include "cmd/metrics/counter_rows.h"

#include <array>

namespace smt::cmd {
namespace {

using Kind = CounterRow::Kind;

// clang-format off
#define SMT_COUNT(member) [](const RelaySnapshot& s) -> uint64_t { return s.member; }
constexpr CounterRow kRows[] = {
    {"outbound", "publications", Kind::kCount, "Publications of topics that a peer wants, for each such peer", SMT_COUNT(counters.outbound.publications)},
    {"outbound", "samples", Kind::kCount, "Samples sent, over all peers", SMT_COUNT(counters.outbound.samples)},
    {"outbound", "superseded", Kind::kDrop, "Publications that were not sent", SMT_COUNT(counters.outbound.superseded)},
    {"outbound", "passed_over_by_rate", Kind::kDrop, "", SMT_COUNT(counters.outbound.passed_over_by_rate)},
    {"outbound", "unchanged", Kind::kDrop, "", SMT_COUNT(counters.outbound.unchanged)},
    {"outbound", "dropped_too_old", Kind::kDrop, "", SMT_COUNT(counters.outbound.dropped_too_old)},
    {"outbound", "overwritten", Kind::kDrop, "", SMT_COUNT(counters.outbound.overwritten)},
    {"outbound", "slot_reads", Kind::kCount, "Samples read from slots", SMT_COUNT(counters.outbound.slot_reads)},
    {"outbound", "batches", Kind::kCount, "Messages with samples", SMT_COUNT(counters.outbound.batches)},
    {"outbound", "chunks", Kind::kCount, "Messages with a piece of a large sample", SMT_COUNT(counters.outbound.chunks)},
    {"outbound", "payload_bytes", Kind::kCount, "Bytes of samples sent", SMT_COUNT(counters.outbound.payload_bytes)},
    {"outbound", "saved_bytes", Kind::kCount, "Bytes that compression has saved", SMT_COUNT(counters.outbound.saved_bytes)},
    {"outbound", "announces", Kind::kCount, "Topics described to peers", SMT_COUNT(counters.outbound.announces)},
    {"outbound", "overtaken", Kind::kCount, "Large values that were written over while they were copied, and begun again", SMT_COUNT(counters.outbound.overtaken)},
    {"outbound", "refused", Kind::kCount, "Messages that the link did not take; their topics are sent later", SMT_COUNT(counters.outbound.refused)},
    {"outbound", "too_many_hops", Kind::kCount, "Topics not sent, as too many relays have passed them on", SMT_COUNT(counters.outbound.too_many_hops)},
    {"outbound", "too_large", Kind::kCount, "Topics whose name or schema no message holds", SMT_COUNT(counters.outbound.too_large)},
    {"outbound", "denied", Kind::kCount, "Topics that a peer wants and may not read", SMT_COUNT(counters.outbound.denied)},
    {"outbound", "in_flight_bytes", Kind::kGauge, "Bytes under way and not acknowledged", SMT_COUNT(counters.outbound.in_flight_bytes)},
    {"outbound", "window_bytes", Kind::kGauge, "Bytes that may be under way", SMT_COUNT(counters.outbound.window_bytes)},
    {"outbound", "most_in_flight_bytes", Kind::kGauge, "The most bytes that were under way in one session", SMT_COUNT(counters.outbound.most_in_flight_bytes)},
    {"outbound", "most_beyond_window_bytes", Kind::kGauge, "By how much that was beyond the window", SMT_COUNT(counters.outbound.most_beyond_window_bytes)},
    {"inbound", "samples", Kind::kCount, "Samples that arrived", SMT_COUNT(counters.inbound.samples)},
    {"inbound", "written", Kind::kCount, "Samples written into the memory of this relay", SMT_COUNT(counters.inbound.written)},
    {"inbound", "confirmed", Kind::kCount, "Samples that were there already", SMT_COUNT(counters.inbound.confirmed)},
    {"inbound", "superseded", Kind::kDrop, "Samples that arrived and were not written", SMT_COUNT(counters.inbound.superseded)},
    {"inbound", "dropped_held", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_held)},
    {"inbound", "dropped_old", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_old)},
    {"inbound", "dropped_too_old", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_too_old)},
    {"inbound", "dropped_denied", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_denied)},
    {"inbound", "dropped_conflict", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_conflict)},
    {"inbound", "dropped_size", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_size)},
    {"inbound", "dropped_hops", Kind::kDrop, "", SMT_COUNT(counters.inbound.dropped_hops)},
    {"inbound", "held", Kind::kGauge, "Samples held back now, as the link had stood still: they have no outcome yet", SMT_COUNT(counters.inbound.held)},
    {"inbound", "payload_bytes", Kind::kCount, "Bytes of samples that arrived and were not dropped", SMT_COUNT(counters.inbound.payload_bytes)},
    {"session", "opened", Kind::kCount, "Sessions that began", SMT_COUNT(counters.session.opened)},
    {"session", "ended", Kind::kCount, "Sessions that ended", SMT_COUNT(counters.session.ended)},
    {"session", "silent", Kind::kCount, "Sessions that ended for silence", SMT_COUNT(counters.session.silent)},
    {"session", "resets", Kind::kCount, "Sessions that this relay refused or ended", SMT_COUNT(counters.session.resets)},
    {"session", "wrong_session", Kind::kCount, "Messages of another session", SMT_COUNT(counters.session.wrong_session)},
    {"session", "malformed", Kind::kCount, "Messages that no peer of this version sends", SMT_COUNT(counters.session.malformed)},
    {"session", "corrupt", Kind::kCount, "Messages whose check sum did not match", SMT_COUNT(counters.session.corrupt)},
    {"session", "wrong_version", Kind::kCount, "Peers with another protocol version", SMT_COUNT(counters.session.wrong_version)},
    {"session", "unknown_key", Kind::kCount, "Peers whose key is known no more", SMT_COUNT(counters.session.unknown_key)},
    {"session", "barred", Kind::kCount, "Peers refused, as they broke the rules too often", SMT_COUNT(counters.session.barred)},
    {"session", "full", Kind::kCount, "Sessions refused or ended for want of memory", SMT_COUNT(counters.session.full)},
    {"session", "cut", Kind::kCount, "Connections that hold more, or are more, than one key may", SMT_COUNT(counters.session.cut)},
    {"session", "denied", Kind::kCount, "Questions about topics that a peer may not list", SMT_COUNT(counters.session.denied)},
    {"session", "max_step_ns", Kind::kNanoseconds, "The most processor time between the beginnings of two steps", SMT_COUNT(counters.session.max_step_ns)},
    {"session", "wants", Kind::kGauge, "Selections that peers want now", SMT_COUNT(counters.session.wants)},
    {"session", "requests", Kind::kGauge, "Requests that wait for an answer now", SMT_COUNT(counters.session.requests)},
    {"write", "written", Kind::kCount, "Values that peers have set", SMT_COUNT(counters.write.written)},
    {"write", "leases", Kind::kCount, "Leases taken", SMT_COUNT(counters.write.leases)},
    {"write", "released", Kind::kCount, "Leases given back", SMT_COUNT(counters.write.released)},
    {"write", "expired", Kind::kCount, "Leases that ended by silence", SMT_COUNT(counters.write.expired)},
    {"write", "withdrawn", Kind::kCount, "Leases withdrawn by other rules, or as the relay ended", SMT_COUNT(counters.write.withdrawn)},
    {"write", "fail_safe", Kind::kCount, "Fail-safe values written, or topics removed for want of a value", SMT_COUNT(counters.write.fail_safe)},
    {"write", "refused_denied", Kind::kRefusal, "Values that peers were refused to set", SMT_COUNT(counters.write.refused_denied)},
    {"write", "refused_no_rule", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_no_rule)},
    {"write", "refused_held", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_held)},
    {"write", "refused_owned", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_owned)},
    {"write", "refused_limit", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_limit)},
    {"write", "refused_rate", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_rate)},
    {"write", "refused_no_topic", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_no_topic)},
    {"write", "refused_mismatch", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_mismatch)},
    {"write", "refused_no_audit", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_no_audit)},
    {"write", "refused_no_room", Kind::kRefusal, "", SMT_COUNT(counters.write.refused_no_room)},
    {"http", "connections", Kind::kCount, "Connections taken by this page", SMT_COUNT(http.connections)},
    {"http", "open", Kind::kGauge, "Connections of this page that are open now", SMT_COUNT(http.open)},
    {"http", "requests", Kind::kCount, "Requests answered by this page, those that were refused too", SMT_COUNT(http.requests)},
    {"http", "refused_malformed", Kind::kRefusal, "Requests that this page refused", SMT_COUNT(http.refused_malformed)},
    {"http", "refused_too_large", Kind::kRefusal, "", SMT_COUNT(http.refused_too_large)},
    {"http", "refused_foreign_host", Kind::kRefusal, "", SMT_COUNT(http.refused_foreign_host)},
    {"http", "refused_slow", Kind::kRefusal, "", SMT_COUNT(http.refused_slow)},
    {"http", "refused_unready", Kind::kRefusal, "", SMT_COUNT(http.refused_unready)},
    {"http", "dropped_full", Kind::kDrop, "Connections that this page closed without an answer", SMT_COUNT(http.dropped_full)},
    {"http", "dropped_idle", Kind::kDrop, "", SMT_COUNT(http.dropped_idle)},
    {"http", "dropped_slow_reader", Kind::kDrop, "", SMT_COUNT(http.dropped_slow_reader)},
    {"http", "dropped_broken", Kind::kDrop, "", SMT_COUNT(http.dropped_broken)},
    {"http", "not_accepted", Kind::kDrop, "", SMT_COUNT(http.not_accepted)},
};
#undef SMT_COUNT
// clang-format on

}  // namespace

std::span<const CounterRow> counter_rows() { return kRows; }

std::string_view CounterRow::reason() const {
  if (kind != Kind::kDrop && kind != Kind::kRefusal) return {};
  for (const std::string_view prefix : {"dropped_", "refused_"}) {
    if (word.starts_with(prefix)) return word.substr(prefix.size());
  }
  return word;
}

std::string CounterRow::metric() const {
  const std::string name = "smtrelay_" + std::string(group) + "_";
  if (kind == Kind::kDrop) return name + "drops_total";
  if (kind == Kind::kRefusal) return name + "refused_total";
  if (kind == Kind::kGauge) return name + std::string(word);
  if (kind == Kind::kNanoseconds) return name + std::string(word.substr(0, word.size() - 2)) + "seconds";
  return name + std::string(word) + "_total";
}

uint64_t pending_outbound(const relay::OutboundCounters& c) {
  return c.publications - c.samples - c.superseded - c.passed_over_by_rate - c.unchanged - c.dropped_too_old -
         c.overwritten;
}

}  // namespace smt::cmd
