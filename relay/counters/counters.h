// The counters of a relay. Every drop has a reason, and nothing is dropped without being counted.
#ifndef SMT_RELAY_COUNTERS_COUNTERS_H_
#define SMT_RELAY_COUNTERS_COUNTERS_H_

#include <cstdint>

namespace smt::relay {

struct OutboundCounters {
  // Seen in the store, of topics that a peer wants, for each such peer; one that is sent again, as the peer
  // asks for it once more, counts once more. Each is one of: samples, superseded, passed_over_by_rate,
  // unchanged, dropped_too_old, overwritten.
  uint64_t publications = 0;
  uint64_t slot_reads = 0;
  uint64_t samples = 0;  // sent, over all peers
  uint64_t batches = 0;
  uint64_t chunks = 0;
  uint64_t payload_bytes = 0;
  uint64_t announces = 0;
  uint64_t superseded = 0;  // publications that were newer than the one sent before, but not the newest
  uint64_t passed_over_by_rate = 0;  // the same, of topics of which only some samples are sent
  uint64_t unchanged = 0;            // publications whose value is that sent before, of topics sent on change
  uint64_t dropped_too_old = 0;      // publications older than the rule allows when their turn came
  uint64_t overwritten = 0;  // of topics sent each in order: gone from the ring before their turn came
  uint64_t saved_bytes = 0;  // by compression
  uint64_t overtaken = 0;    // large values that were written over while they were copied; begun again
  uint64_t refused = 0;      // messages that the link did not take; their topics are sent later
  uint64_t too_many_hops = 0;
  uint64_t too_large = 0;  // topics whose name or schema no message holds
  // Topics that a peer wants and may not read, each once as long as that is so; and that it asks for once and
  // may not have, each time.
  uint64_t denied = 0;
  // Under way and not acknowledged: now, over all sessions, and how much the rule allows; the most of one
  // session, and by how much it was then beyond what the rule allowed: less than one message.
  uint64_t in_flight_bytes = 0;
  uint64_t window_bytes = 0;
  uint64_t most_in_flight_bytes = 0;
  uint64_t most_beyond_window_bytes = 0;
};

struct InboundCounters {
  // Arrived. Each is one of: written, confirmed, superseded, dropped_..., held.
  uint64_t samples = 0;
  uint64_t written = 0;
  uint64_t confirmed = 0;
  uint64_t payload_bytes = 0;
  uint64_t superseded = 0;        // a newer one came with it, after the link had stood still
  uint64_t dropped_held = 0;      // held back after the link had stood still, and the session ended first
  uint64_t dropped_old = 0;       // a newer sample of the same source is there
  uint64_t dropped_too_old = 0;   // older than a rule allows, or something stands in for it: see OnStale
  uint64_t dropped_denied = 0;    // not among the topics that this relay takes, or it holds its own origin
  uint64_t dropped_conflict = 0;  // another source, or another relay, has the name
  uint64_t dropped_size = 0;      // not of the topic's size, or no room for it
  uint64_t dropped_hops = 0;
  uint64_t held = 0;  // now: held back, as the link had stood still
};

struct SessionCounters {
  uint64_t opened = 0;
  uint64_t ended = 0;
  uint64_t silent = 0;         // of them: for silence
  uint64_t resets = 0;         // sent
  uint64_t wrong_session = 0;  // messages of a session that is not this one
  uint64_t malformed = 0;      // messages
  uint64_t corrupt = 0;        // messages whose check did not match
  uint64_t wrong_version = 0;  // Hellos
  uint64_t unknown_key = 0;    // Hellos of peers whose key is known no more
  uint64_t barred = 0;         // Hellos of peers that have broken the rules too often
  uint64_t full = 0;           // Hellos refused, and sessions ended, for want of memory
  uint64_t cut = 0;            // connections that hold more, or are more, than one key may
  uint64_t denied = 0;  // Trace of topics that the peer may not list, Set to pass on that it may not write
  // The most processor time between the beginnings of two steps: so long nobody was listened to.
  uint64_t max_step_ns = 0;
  // Of now: opened - ended is the number of sessions, these are what their peers
  uint64_t wants = 0;     // want, in selections
  uint64_t requests = 0;  // have asked and have not been answered yet
};

// Counts of values that peers set here.
struct WriteCounters {
  uint64_t written = 0;
  uint64_t leases = 0;  // taken
  uint64_t released = 0;
  uint64_t expired = 0;    // leases that ended by silence
  uint64_t withdrawn = 0;  // by other rules, or as the relay ended
  uint64_t fail_safe = 0;  // fail-safe values written, or topics removed for want of a value
  // Refused, probes too:
  uint64_t refused_denied = 0;
  uint64_t refused_no_rule = 0;
  uint64_t refused_held = 0;
  uint64_t refused_owned = 0;
  uint64_t refused_limit = 0;
  uint64_t refused_rate = 0;
  uint64_t refused_no_topic = 0;
  uint64_t refused_mismatch = 0;
  uint64_t refused_no_audit = 0;
  uint64_t refused_no_room = 0;
};

struct Counters {
  OutboundCounters outbound;
  InboundCounters inbound;
  SessionCounters session;
  WriteCounters write;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_COUNTERS_COUNTERS_H_
