#include "relay/handshake.h"

#include <algorithm>
#include <utility>

#include "relay/frame/frame.h"
#include "relay/message/wire.h"
#include "shm/printable.h"

namespace smt::relay {

namespace {

// What a peer says is text that nobody has checked.
std::string readable(std::string_view text) { return printable(text.substr(0, 200)); }

}  // namespace

std::string Handshake::hello_message(uint64_t session) const {
  proto::Hello hello;
  hello.set_least_version(proto::kMinVersion);
  hello.set_version(proto::kVersion);
  hello.set_instance(options_->instance);
  hello.set_origin_id(to_wire(options_->origin_id));
  hello.set_name(options_->name);
  hello.set_serves(options_->serves() || !options_->write.empty());
  hello.set_takes(options_->takes());
  hello.set_heartbeat_ns(static_cast<uint64_t>(options_->liveness.heartbeat_ns));
  hello.set_patience_ns(static_cast<uint64_t>(options_->liveness.patience_ns));
  return proto::seal_message(session, 0, hello);
}

void Handshake::refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
                       const std::string& text) {
  proto::Reset reset;
  reset.set_reason(reason);
  reset.set_text(text);
  reset.set_least_version(proto::kMinVersion);
  reset.set_version(proto::kVersion);
  ++counters_->session.resets;
  l->link->send(to, bytes_of(proto::seal_message(session, 0, reset)), Frame());
}

// Nothing: its key is none of those that are known, or not any more.
std::optional<std::string> Handshake::name_of(const Incoming& in, const proto::Hello& hello) const {
  if (in.key.empty()) return readable(hello.name());
  const std::string* const name = options_->keys->name_of(in.key);
  return name == nullptr ? std::nullopt : std::optional(*name);
}

void Handshake::begin(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
                      int64_t now_ns) {
  Session::Peer peer;
  peer.instance = m.hello().instance();
  peer.name = name;
  peer.key = in.key;
  (void)from_wire(m.hello().origin_id(), &peer.origin);  // no id: no topic is of it
  peer.serves = m.hello().serves();
  peer.takes = m.hello().takes();
  peer.liveness = agree(options_->liveness, m.hello().heartbeat_ns(), m.hello().patience_ns());
  l->refusal = Status();
  sessions_->begin(l, in.peer, m.session(), std::move(peer), now_ns);
}

bool Handshake::refuse_banned(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns) {
  if (!penalty_box_->is_banned(in.key, now_ns)) return false;
  ++counters_->session.barred;
  if (l->dials()) {
    l->refuse({Code::kDenied, l->link->endpoint() + " is barred for a minute: it broke the protocol"},
              now_ns);
    l->dial.on_refused(now_ns, PenaltyBox::kMinuteNs);
    return true;
  }
  refuse(l, in.peer, m.session(), proto::Reset::MALFORMED, "barred for a minute: it broke the protocol");
  l->link->drop(in.peer);
  return true;
}

bool Handshake::refuse_version(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns) {
  const proto::Hello& hello = m.hello();
  const uint32_t common = std::min(hello.version(), proto::kVersion);
  if (common >= std::max(hello.least_version(), proto::kMinVersion)) return false;
  ++counters_->session.wrong_version;
  const std::string why = "peer " + readable(hello.name()) + " on " + l->link->endpoint() +
                          " speaks protocol version " + std::to_string(hello.least_version()) + " to " +
                          std::to_string(hello.version()) + ", this is version " +
                          std::to_string(proto::kMinVersion) + " to " + std::to_string(proto::kVersion) +
                          ": upgrade the older of the two";
  l->refuse({Code::kVersion, why}, now_ns);
  options_->report(Severity::kError, {l->link->endpoint(), "version"}, why);
  refuse(l, in.peer, m.session(), proto::Reset::VERSION, why);
  if (l->dials()) l->dial.on_refused(now_ns);
  return true;
}

void Handshake::on_hello(LinkState* l, const Incoming& in, const proto::Envelope& m, int64_t now_ns) {
  const std::optional<std::string> name = name_of(in, m.hello());
  if (!name) {
    ++counters_->session.unknown_key;
    if (!l->dials()) l->link->drop(in.peer);
    return;
  }
  if (refuse_banned(l, in, m, now_ns) || refuse_version(l, in, m, now_ns)) return;
  if (l->dials()) {
    on_answer(l, in, m, *name, now_ns);
  } else {
    on_call(l, in, m, *name, now_ns);
  }
}

// The answer to ours; anything else is of a dialling that was given up.
void Handshake::on_answer(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
                          int64_t now_ns) {
  if (m.session() != l->dial.session() || !l->sessions.empty()) {
    ++counters_->session.wrong_session;
    return;
  }
  if (m.hello().instance() == options_->instance) {
    l->refuse({Code::kInvalid, l->link->endpoint() + " is this relay itself"}, now_ns);
    options_->report(Severity::kError, {l->link->endpoint(), "self"}, l->refusal.message());
    l->dial.on_refused(now_ns);
    return;
  }
  l->dial.on_answered();
  begin(l, in, m, name, now_ns);
}

void Handshake::on_call(LinkState* l, const Incoming& in, const proto::Envelope& m, const std::string& name,
                        int64_t now_ns) {
  if (const Session* old = sessions_->find(*l, in.peer); old != nullptr) {
    if (old->number() == m.session()) return;  // said twice
    sessions_->end(old->key(), "it begins anew", now_ns);
  }
  for (const uint64_t key : sessions_->of_instance(m.hello().instance())) {
    const Session& s = *sessions_->find(key);
    if (s.link() == l->link.get() && s.peer().name == name) sessions_->end(key, "it begins anew", now_ns);
  }
  if (!sessions_->has_room()) {
    ++counters_->session.full;
    refuse(l, in.peer, m.session(), proto::Reset::FULL, sessions_->full_text());
    l->link->drop(in.peer);
    return;
  }
  l->link->send(in.peer, bytes_of(hello_message(m.session())), Frame());
  begin(l, in, m, name, now_ns);
}

void Handshake::on_reset(LinkState* l, Session* s, const proto::Envelope& m, int64_t now_ns) {
  const bool of_session = s != nullptr && m.session() == s->number();
  const bool of_dialling = l->dials() && s == nullptr && m.session() == l->dial.session();
  if (!of_session && !of_dialling) return;
  const std::string text = readable(m.reset().text());
  if (of_session) {
    const bool goodbye = m.reset().reason() == proto::Reset::BYE;
    if (goodbye) s->receiver().settle(now_ns);
    sessions_->end(s->key(), goodbye ? "it said goodbye" : "it said: " + text, now_ns);
    const bool refused =
        m.reset().reason() == proto::Reset::MALFORMED || m.reset().reason() == proto::Reset::FULL;
    if (refused && l->dials()) l->dial.on_refused(now_ns);
  }
  if (of_dialling) {
    if (m.reset().reason() == proto::Reset::UNKNOWN_SESSION) {
      l->dial.redial_now();
      return;
    }
    const bool version = m.reset().reason() == proto::Reset::VERSION;
    l->refuse({version ? Code::kVersion : Code::kInvalid, l->link->endpoint() + " refuses: " + text}, now_ns);
    options_->report(Severity::kError, {l->link->endpoint(), "refused"}, l->refusal.message());
    l->dial.on_refused(now_ns);
  }
}

void Handshake::dial(LinkState* l, int64_t now_ns) {
  if (!l->sessions.empty() || !l->dials()) return;
  if (l->since_ns == 0) l->since_ns = now_ns;
  if (l->others != nullptr && !l->others->dials(l->rank, now_ns)) return;
  if (l->dial.due(now_ns)) {
    if (const Status why = l->link->trouble(); why.code() == Code::kDenied) {
      l->refuse({Code::kDenied, "cannot connect to " + l->link->endpoint() + ": " + why.message()}, now_ns);
      options_->report(Severity::kWarning, {l->link->endpoint(), "trouble"}, l->refusal.message());
    } else if (!why.ok()) {
      l->refuse(why, now_ns);
    }
    l->link->redial();
    l->dial.begin(options_->random(), now_ns);
  }
  if (l->dial.hello_due() &&
      l->link->send("", bytes_of(hello_message(l->dial.session())), Frame()) == Sent::kOk)
    l->dial.on_hello_sent();
}

}  // namespace smt::relay
