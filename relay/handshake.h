// How sessions begin and end by what two relays say to each other: Hello, its answer, Reset, and dialling.
#ifndef SMT_RELAY_HANDSHAKE_H_
#define SMT_RELAY_HANDSHAKE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "proto/codec.h"
#include "relay/counters/counters.h"
#include "relay/link/link.h"
#include "relay/link_table.h"
#include "relay/relay_options.h"
#include "relay/session/penalty_box.h"
#include "relay/session/session.h"
#include "relay/session_table.h"
#include "shm/status.h"

namespace smt::relay {

class Handshake {
 public:
  // All outlive this.
  Handshake(const RelayOptions* options, SessionTable* sessions, const PenaltyBox* penalty_box,
            Counters* counters)
      : options_(options), sessions_(sessions), penalty_box_(penalty_box), counters_(counters) {}

  void on_hello(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns);
  // `s`: the session of the peer that has sent it; null: there is none.
  void on_reset(LinkState* l, Session* s, const proto::Envelope& m, int64_t now_ns);
  // Dials where that is due, and says Hello as soon as the link takes it.
  void dial(LinkState* l, int64_t now_ns);
  void refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
              const std::string& text);

 private:
  std::string hello_message(uint64_t session) const;
  std::optional<std::string> name_of(const Incoming& in, const proto::Hello& hello) const;
  bool refuse_banned(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns);
  bool refuse_version(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns);
  void on_answer(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
                 int64_t now_ns);
  void on_call(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
               int64_t now_ns);
  void begin(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
             int64_t now_ns);

  const RelayOptions* const options_;
  SessionTable* const sessions_;
  const PenaltyBox* const penalty_box_;
  Counters* const counters_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_HANDSHAKE_H_
