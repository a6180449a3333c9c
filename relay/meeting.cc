// Links that come and go, and how sessions over them begin and end: Hello, Reset, dialling, and which of a
// peer's addresses is used.
#include <algorithm>

#include "relay/message/wire.h"
#include "relay/relay_impl.h"

namespace smt::relay {

namespace {

constexpr size_t kMostSessions = 1000;

// For the log: what a peer says is text that nobody has checked.
std::string Readable(std::string text) {
  text.resize(std::min<size_t>(text.size(), 200));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

void Relay::Impl::Add(uint64_t number, std::unique_ptr<Link> link, const LinkOptions& of_link) {
  auto l = std::make_unique<LinkState>();
  l->number = number;
  l->link = std::move(link);
  l->options = of_link;
  links.push_back(std::move(l));
}

uint64_t Relay::add(std::unique_ptr<Link> link, const LinkOptions& options) {
  impl_->Add(impl_->next_number, std::move(link), options);
  return impl_->next_number++;
}

uint64_t Relay::add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options) {
  Impl& r = *impl_;
  const auto others = links.size() > 1 ? std::make_shared<Alternatives>(links.size()) : nullptr;
  for (size_t rank = 0; rank < links.size(); ++rank) {
    r.Add(r.next_number, std::move(links[rank]), options);
    r.links.back()->others = others;
    r.links.back()->rank = rank;
  }
  return r.next_number++;
}

void Relay::remove(uint64_t number) {
  Impl& r = *impl_;
  const auto is = [&](const std::unique_ptr<Impl::LinkState>& l) { return l->number == number; };
  for (const auto& l : r.links) {
    while (is(l) && !l->sessions.empty()) {
      const uint64_t key = l->sessions.begin()->second;
      r.Find(key)->say_reset(proto::Reset::BYE, "bye");
      r.End(key, "its link is given up");
    }
  }
  std::erase_if(r.links, is);
}

void Relay::set_options(uint64_t number, const LinkOptions& options) {
  Impl& r = *impl_;
  for (const auto& l : r.links) {
    if (l->number != number) continue;
    l->options = options;
    for (const auto& [id, key] : l->sessions) r.Find(key)->set_options(options);
  }
  r.asked = true;
}

std::string Relay::Impl::Hello(uint64_t session) const {
  proto::Hello hello;
  hello.set_least_version(proto::kLeastVersion);
  hello.set_version(proto::kVersion);
  hello.set_instance(options.instance);
  hello.set_origin_id(ToWire(options.origin_id));
  hello.set_name(options.name);
  hello.set_serves(serves() || writes.has_value());
  return proto::Seal(session, 0, hello);
}

void Relay::Impl::Refuse(LinkState* l, const PeerId& to, uint64_t session, proto::Reset::Reason reason,
                         const std::string& text) {
  proto::Reset reset;
  reset.set_reason(reason);
  reset.set_text(text);
  reset.set_least_version(proto::kLeastVersion);
  reset.set_version(proto::kVersion);
  ++counters.session.resets;
  l->link->send(to, BytesOf(proto::Seal(session, 0, reset)), Frame());
}

// Nothing: its key is none of those that are known, or not any more.
std::optional<std::string> Relay::Impl::NameOf(const Incoming& in, const proto::Hello& hello) const {
  if (in.key.empty()) return Readable(hello.name());
  const std::string* const name = options.keys->name_of(in.key);
  return name == nullptr ? std::nullopt : std::optional(*name);
}

Session* Relay::Impl::Begin(LinkState* l, const Incoming& in, const proto::Envelope& m) {
  Session::Peer peer;
  peer.instance = m.hello().instance();
  peer.name = *NameOf(in, m.hello());
  peer.key = in.key;
  (void)FromWire(m.hello().origin_id(), &peer.origin);  // no id: no topic is of it
  peer.serves = m.hello().serves();
  const uint64_t key = next_key++;
  const auto warn = [this](const std::string& k, const std::string& text) {
    Log(Severity::kWarning, k, text);
  };
  Session* s =
      sessions
          .emplace(key, std::make_unique<Session>(key, m.session(), l->link.get(), in.peer, std::move(peer),
                                                  l->options, &outbound, &inbound, warn, now_ns))
          .first->second.get();
  l->sessions[in.peer] = key;
  ++counters.session.opened;
  refusal = Status();
  Log(Severity::kInfo, "peer " + l->link->endpoint() + s->peer().name,
      "peer " + s->peer().name + " on " + l->link->endpoint());
  if (l->others != nullptr) {
    l->others->up(l->rank, now_ns);
    s->set_stands_by(true);
    ChooseAddresses();
  }
  s->want(WantsFor(*s));
  return s;
}

void Relay::hang_up(const std::string& why) {
  Impl& r = *impl_;
  for (auto it = r.sessions.begin(); it != r.sessions.end();) {
    const auto& [key, s] = *it++;
    if (s->link()->dials()) continue;
    s->say_reset(proto::Reset::BYE, why);
    r.End(key, why);
  }
}

void Relay::change_keys(std::shared_ptr<const Keyring> keys) {
  Impl& r = *impl_;
  r.options.keys = std::move(keys);
  for (auto it = r.sessions.begin(); it != r.sessions.end();) {
    const auto& [key, s] = *it++;
    if (s->peer().key.empty()) continue;
    const std::string* const name = r.options.keys->name_of(s->peer().key);
    if (name != nullptr && *name == s->peer().name) continue;
    s->say_reset(proto::Reset::BYE, "this key is not known here any more");
    if (!s->link()->dials()) s->link()->drop(s->id());
    r.End(key, "its key is not known any more");
  }
}

void Relay::Impl::HandleHello(LinkState* l, const Incoming& in, const proto::Envelope& m) {
  const proto::Hello& hello = m.hello();
  const std::optional<std::string> name = NameOf(in, hello);
  if (!name) {
    ++counters.session.unknown_key;
    if (!l->link->dials()) l->link->drop(in.peer);
    return;
  }
  if (bars.barred(in.key, now_ns)) {
    ++counters.session.barred;
    if (l->link->dials()) return l->dial.refused(now_ns, Bars::kMinuteNs);
    Refuse(l, in.peer, m.session(), proto::Reset::MALFORMED, "barred for a minute: it broke the protocol");
    l->link->drop(in.peer);
    return;
  }
  const uint32_t common = std::min(hello.version(), proto::kVersion);
  const bool fits = common >= std::max(hello.least_version(), proto::kLeastVersion);
  if (!fits) {
    ++counters.session.wrong_version;
    const std::string why = "peer " + Readable(hello.name()) + " on " + l->link->endpoint() +
                            " speaks protocol version " + std::to_string(hello.least_version()) + " to " +
                            std::to_string(hello.version()) + ", this is version " +
                            std::to_string(proto::kLeastVersion) + " to " + std::to_string(proto::kVersion) +
                            ": upgrade the older of the two";
    refusal = Status(Code::kVersion, why);
    Log(Severity::kError, "version " + l->link->endpoint(), why);
    Refuse(l, in.peer, m.session(), proto::Reset::VERSION, why);
    if (l->link->dials()) l->dial.refused(now_ns);
    return;
  }
  if (l->link->dials()) {
    // The answer to ours; anything else is of a dialling that was given up.
    if (m.session() != l->dial.session() || !l->sessions.empty()) {
      ++counters.session.wrong_session;
      return;
    }
    if (hello.instance() == options.instance) {
      refusal = Status(Code::kInvalid, l->link->endpoint() + " is this relay itself");
      Log(Severity::kError, "self " + l->link->endpoint(), refusal.message());
      l->dial.refused(now_ns);
      return;
    }
    l->dial.answered();
    Begin(l, in, m);
    questions.update(now_ns);
    return;
  }
  if (const auto old = l->sessions.find(in.peer); old != l->sessions.end()) {
    if (Find(old->second)->number() == m.session()) return;  // said twice
    End(old->second, "it begins anew");
  }
  for (auto it = sessions.begin(); it != sessions.end();) {
    const auto& [key, s] = *it++;
    const bool same = s->peer().instance == hello.instance() && s->peer().name == *name;
    if (s->link() == l->link.get() && same) End(key, "it begins anew");
  }
  if (sessions.size() >= kMostSessions) {
    Refuse(l, in.peer, m.session(), proto::Reset::FULL,
           "no more than " + std::to_string(kMostSessions) + " sessions here");
    l->link->drop(in.peer);
    return;
  }
  l->link->send(in.peer, BytesOf(Hello(m.session())), Frame());
  Begin(l, in, m);
  questions.update(now_ns);
}

void Relay::Impl::HandleReset(LinkState* l, Session* s, const proto::Envelope& m) {
  const bool of_session = s != nullptr && m.session() == s->number();
  const bool of_dialling = l->link->dials() && s == nullptr && m.session() == l->dial.session();
  if (!of_session && !of_dialling) return;
  const std::string text = Readable(m.reset().text());
  if (of_session) {
    const bool goodbye = m.reset().reason() == proto::Reset::BYE;
    if (goodbye) s->intake().settle(now_ns);
    End(s->key(), goodbye ? "it said goodbye" : "it said: " + text);
    if (m.reset().reason() == proto::Reset::MALFORMED && l->link->dials()) l->dial.refused(now_ns);
  }
  if (of_dialling) {
    if (m.reset().reason() == proto::Reset::UNKNOWN_SESSION) {
      l->dial.again();
      return;
    }
    const bool version = m.reset().reason() == proto::Reset::VERSION;
    refusal = Status(version ? Code::kVersion : Code::kInvalid, l->link->endpoint() + " refuses: " + text);
    Log(Severity::kError, "refused " + l->link->endpoint(), refusal.message());
    l->dial.refused(now_ns);
  }
}

void Relay::Impl::End(uint64_t key, const std::string& why) {
  const auto it = sessions.find(key);
  if (it == sessions.end()) return;
  Session& s = *it->second;
  Log(Severity::kInfo, "end " + s.link()->endpoint() + s.peer().name,
      "peer " + s.peer().name + " on " + s.link()->endpoint() + " is gone: " + why);
  for (const auto& l : links) {
    if (l->link.get() != s.link()) continue;
    l->sessions.erase(s.id());
    if (l->link->dials()) l->dial.lost(s.rtt_ns());
    if (l->others != nullptr) l->others->down(l->rank);
    l->alone_ns = now_ns;
  }
  ++counters.session.ended;
  s.count_most(&counters.outbound);
  questions.ended(key);
  traces.ended(key);
  sets.ended(key);
  sessions.erase(it);
  std::erase_if(allowances, [&](const auto& a) { return a.second.paid(now_ns); });
  wants_changed = true;
}

void Relay::Impl::DialOut(LinkState* l) {
  if (!l->link->dials() || !l->sessions.empty()) return;
  if (l->alone_ns == 0) l->alone_ns = now_ns;
  if (l->others != nullptr && !l->others->dials(l->rank, now_ns)) return;
  if (l->dial.due(now_ns)) {
    if (const std::string why = l->link->trouble(); !why.empty()) {
      refusal = Status(Code::kDenied, "cannot connect to " + l->link->endpoint() + ": " + why);
      Log(Severity::kWarning, "trouble " + refusal.message(), refusal.message());
    }
    l->link->redial();
    l->dial.begin(options.random(), now_ns);
  }
  if (l->dial.hello_due() && l->link->send("", BytesOf(Hello(l->dial.session())), Frame()) == Sent::kOk)
    l->dial.said();
}

// Sessions of the addresses that are used take part; those of worse ones end.
void Relay::Impl::ChooseAddresses() {
  for (const auto& l : links) {
    if (l->others == nullptr || l->rank != 0) continue;
    if (!l->others->update(now_ns)) continue;
    const std::optional<size_t> active = l->others->active();
    wants_changed = true;
    for (const auto& other : links) {
      if (other->others != l->others || other->sessions.empty()) continue;
      Session* s = Find(other->sessions.begin()->second);
      if (active && other->rank > *active) {
        s->say_reset(proto::Reset::BYE, "a better address answers again");
        End(s->key(), "a better address answers again");
      } else if (active && other->rank == *active) {
        s->set_stands_by(false);
        Log(Severity::kInfo, "address " + l->link->endpoint(),
            "peer " + s->peer().name + " is reached at " + other->link->endpoint());
      }
    }
  }
}

}  // namespace smt::relay
