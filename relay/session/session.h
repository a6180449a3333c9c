// One peer, while it is there: what goes back and forth over one connection, under one session number.
#ifndef SMT_RELAY_SESSION_SESSION_H_
#define SMT_RELAY_SESSION_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/codec.h"
#include "relay/counters/counters.h"
#include "relay/frame/compression.h"
#include "relay/inbound/inbound.h"
#include "relay/link/link.h"
#include "relay/outbound/congestion_window.h"
#include "relay/outbound/outbound.h"
#include "relay/outbound/peer_sender.h"
#include "relay/rules/liveness.h"
#include "relay/session/clock_offset.h"
#include "relay/session/deferred_requests.h"
#include "relay/session/outbox.h"
#include "relay/session/report_timer.h"
#include "relay/session/schedule.h"
#include "relay/session/want_queue.h"

namespace smt::relay {

class Session : public FrameSink {
 public:
  struct Peer {
    uint64_t instance = 0;
    std::string name;
    Id128 origin{};
    bool serves = false, takes = false;  // as its Hello says
    std::string key;                     // that it has proved to have; "": nothing proves its name
    Liveness liveness = {};              // agreed with it
  };

  // `key` names this session in this process; `number` is on the wire. `schedule` outlives it: the session
  // wakes whenever anything happens to it, and so it does now.
  Session(uint64_t key, uint64_t number, Link* link, PeerId id, Peer peer, const LinkOptions& options,
          Outbound* outbound, Inbound* inbound, Schedule* schedule, PeerReceiver::Warn warn, int64_t now_ns);

  uint64_t key() const { return key_; }
  uint64_t number() const { return number_; }
  Link* link() const { return link_; }
  const PeerId& id() const { return id_; }
  const Peer& peer() const { return peer_; }
  // Of a session that stands by nothing is wanted, and nothing is given: another address of the peer is used.
  bool is_standby() const { return standby_; }
  void set_standby(bool standby);
  // It may be asked for topics.
  bool serves() const { return peer_.serves && !standby_ && !gone_; }
  // Of what is sent from here on.
  void set_options(const LinkOptions& options);
  PeerSender& sender() { return sender_; }
  const PeerSender& sender() const { return sender_; }
  PeerReceiver& receiver() { return receiver_; }
  const CongestionWindow& congestion_window() const { return congestion_window_; }
  // Raises the most that was under way of one session.
  void record_peaks(OutboundCounters* counters) const;
  int64_t rtt_ns() const { return clock_.smoothed_rtt_ns(); }

  // Counts a message in. False: it is not the one that follows the last.
  bool check_sequence(const proto::Envelope& message);
  // A Batch, `columns` of which it may do without: see proto::open_message. False: no peer of this version
  // sends it.
  bool on_batch(const proto::Batch& batch, const proto::BatchColumns& columns,
                std::span<const std::byte> payload, int64_t now_ns);
  // Any other message of this session but Hello, Reset, Get, Reply, Trace, Traced, Set and SetReply. False:
  // as above.
  bool on_message(const proto::Envelope& message, std::span<const std::byte> payload, int64_t now_ns);
  // A Want or Get that takes time waits until it is this peer's turn. False: more of them than a peer may
  // have waiting. `*message` is scratch then.
  bool defer(proto::Envelope* message) { return deferred_.add(message); }
  bool has_request() const { return !deferred_.empty(); }
  // The first one. REQUIRES: has_request()
  proto::Envelope take_request() { return deferred_.take(); }
  // Any message has come: the peer lives.
  void on_alive(int64_t now_ns) {
    heard_ns_ = now_ns;
    wake();
  }
  // The store has changed. REQUIRES: sender().follows()
  void on_changes(const Changes& changes, int64_t now_ns) {
    sender_.on_changes(changes, now_ns);
    if (sender_.has_more()) wake();
  }
  // See PeerSender::get.
  void get(uint64_t request, SubscriptionSet subscriptions, bool list, bool complete) {
    sender_.get(request, std::move(subscriptions), list, complete);
    wake();
  }

  // What this side wants, asks and answers: sent as soon as the link takes it.
  void want(std::vector<Subscription> subscriptions);
  // The rules of Outbound and Inbound are other ones now. What is taken otherwise than before is asked for
  // anew. False: it is too much to ask for; the session is to be begun anew.
  bool reconsider();
  void ask(uint64_t request, const std::vector<Subscription>& subscriptions, bool list);

  // Any other message, sent as soon as the link takes it; and how many have not been.
  template <class Body>
  void enqueue(const Body& body, const Frame& payload = Frame()) {
    outbox_.add(body, payload);
    wake();
  }
  size_t queued() const { return outbox_.size(); }

  // Sends what is due; the number of messages.
  size_t send(int64_t now_ns);
  // send() is to be called in the next step even if nothing happens.
  bool has_more() const;
  // When send() is due next if nothing happens.
  int64_t due_ns() const;

  // Memory that it takes for what the peer has said, about. `kMinBytes`: one of which nothing has been heard.
  static constexpr uint64_t kMinBytes = 4096;
  uint64_t bytes() const { return kMinBytes + receiver_.bytes() + deferred_.bytes(); }

  // Whether it is awake, and when it is to be: see Schedule.
  void wake() { schedule_->wake(key_, &turn_); }
  void wake_at(int64_t due_ns) { schedule_->wake_at(key_, &turn_, due_ns); }
  Schedule::Turn& turn() { return turn_; }

  // Heard nothing for too long.
  bool silent(int64_t now_ns) const { return now_ns - heard_ns_ > silence_limit_ns(); }
  int64_t silent_at_ns() const { return heard_ns_ + silence_limit_ns(); }
  // The connection is gone for good: nothing is sent any more.
  bool is_gone() const { return gone_; }
  // The session is gone and may be ended before it is silent. One that holds values back of a peer that dials
  // is kept: they are told if the peer does not begin anew meanwhile. A link that dials begins anew at once,
  // with values of now.
  bool has_ended() const { return gone_ && (link_->dials() || !receiver_.holds_back()); }
  void on_gone() {
    gone_ = true;
    wake();
  }
  // `reason`: of proto::Reset. Best effort.
  void send_reset(proto::Reset::Reason reason, const std::string& text);

 private:
  bool send(int field, std::string_view body, const Frame& payload, uint64_t payload_hash) override;
  bool send_message(int field, std::string_view body, const Frame& payload = Frame());
  bool post(const std::string& header, const Frame& payload);
  size_t send_wants();
  bool send_resumes();
  bool send_report(int64_t now_ns);
  bool expand(uint32_t raw_bytes, std::span<const std::byte>* payload);
  bool on_want(const proto::Want& want);
  bool on_resume(const proto::Resume& resume);
  bool on_report(const proto::Report& report, const PeerReceiver::SentAt& sent);
  int64_t silence_limit_ns() const;

  const uint64_t key_, number_;
  Link* const link_;
  const PeerId id_;
  const Peer peer_;
  Schedule* const schedule_;
  Schedule::Turn turn_;
  CongestionWindow congestion_window_;
  PeerSender sender_;
  PeerReceiver receiver_;
  ClockOffset clock_;
  int64_t now_ns_;  // of the step
  int64_t heard_ns_;
  uint64_t sent_ = 0;   // number of the last message that is acknowledged
  std::string header_;  // of that message
  ReportTimer reports_;
  WantQueue wants_;
  Outbox gets_, outbox_;  // Gets, which follow the Wants, and other messages
  DeferredRequests deferred_;
  Expander expander_;
  bool gone_ = false;
  bool standby_ = false;
  std::optional<SubscriptionSet> subscriptions_;  // of the peer, while this stands by
};

using Sessions = std::map<uint64_t, std::unique_ptr<Session>>;  // by key

}  // namespace smt::relay

#endif  // SMT_RELAY_SESSION_SESSION_H_
