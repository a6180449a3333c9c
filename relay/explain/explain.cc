#include "relay/explain/explain.h"

#include <algorithm>
#include <cstdio>

#include "relay/message/durations.h"
#include "relay/message/wire.h"
#include "relay/names/near_names.h"
#include "relay/rules/dscp.h"
#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

constexpr size_t kMaxPatternsTold = 3;

std::optional<uint32_t> id_of(const TopicSource& store, const std::string& topic) {
  for (uint32_t id = 0; id < store.topic_limit(); ++id) {
    const TopicDescription* d = store.topic(id);
    if (d != nullptr && d->name == topic) return id;
  }
  return std::nullopt;
}

void set_verdict(proto::Finding* f, proto::Verdict verdict, std::string text) {
  f->set_verdict(verdict);
  if (text.size() > kMaxFindingText) text.resize(kMaxFindingText);
  f->set_text(std::move(text));
}

proto::Finding towards(const Viewpoint& at, proto::Side side, const std::string& topic, const Session& peer) {
  proto::Finding f = finding_of(at, side, topic);
  f.set_peer(peer.peer().name);
  f.set_peer_instance(peer.peer().instance);
  return f;
}

std::string rule_words(const char* table, size_t index) {
  return std::string("[[") + table + "]] rule " + std::to_string(index + 1);
}

// Why no rule decides. `peers`: the key that names them.
std::string filter_words(const char* table, const char* peers, const RuleSet::Decision& d) {
  const std::string pattern = d.pattern != nullptr ? d.pattern->text() : "";
  switch (d.why) {
    case RuleSet::Why::kExcluded:
      return rule_words(table, *d.nearest) + " excludes it by " + pattern;
    case RuleSet::Why::kOtherPeer:
      return rule_words(table, *d.nearest) + " names it by " + pattern + ", but is for other peers (`" +
             peers + "`)";
    default:
      return std::string("no [[") + table + "]] rule names it";
  }
}

std::string joined(const std::vector<std::string>& patterns) {
  std::string out;
  for (size_t i = 0; i < patterns.size() && i < kMaxPatternsTold; ++i) out += (i ? ", " : "") + patterns[i];
  return patterns.size() > kMaxPatternsTold ? out + ", ..." : out;
}

// What a peer asks for that does not name the topic.
std::string subscriptions_text(const std::string& peer, const SubscriptionSet& subscriptions) {
  if (subscriptions.empty()) return peer + " asks for nothing";
  std::string out = peer + " asks for ";
  size_t told = 0;
  for (const Subscription& s : subscriptions.items()) {
    if (told++ == kMaxPatternsTold) break;
    out += (told > 1 ? "; " : "") + joined(s.topic);
    if (!s.exclude.empty()) out += " but not " + joined(s.exclude);
  }
  return out + ": not for this";
}

std::string rate_words(const Pacing& p) {
  std::string out;
  char hz[32];
  std::snprintf(hz, sizeof hz, "%.6g Hz", 1e9 / static_cast<double>(std::max<int64_t>(1, p.period_ns)));
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : ", ") + words; };
  if (p.period_ns != 0) add(std::string(p.tick ? "on a tick of " : "at most ") + hz);
  if (p.one_of > 1) add("one of " + std::to_string(p.one_of));
  if (p.on_change) add("on change");
  if (out.empty()) add(p.every ? "each sample in order" : "the newest sample");
  return out;
}

// ", in packets of DSCP ef"; "": they have the default class.
std::string dscp_words(const Link& link) {
  if (link.dscp() == 0) return "";
  const std::string_view name = dscp_name(link.dscp());
  return ", in packets of DSCP " + (name.empty() ? std::to_string(link.dscp()) : std::string(name));
}

// The newest sample; sequence 0: there is none.
SampleHead newest(const Viewpoint& at, uint32_t id) {
  return at.outbound->source().newest_head(id).value_or(SampleHead{});
}

Session* session_of(const Viewpoint& at, uint64_t key) {
  const auto it = at.sessions->find(key);
  return it == at.sessions->end() ? nullptr : it->second.get();
}

// Names like this one that `asker` may know.
void suggest_names(const Viewpoint& at, const std::string& topic, Session* asker, proto::Finding* f) {
  const TopicSource& store = at.outbound->source();
  NearNames near(topic);
  for (uint32_t id = 0; id < store.topic_limit() && !near.full(); ++id) {
    const TopicDescription* d = store.topic(id);
    if (d == nullptr) continue;
    const bool may =
        at.outbound->rule(id, asker->peer().name).has_value() || asker->receiver().sender_name(d->name);
    if (may && at.access->allows(asker->peer().name, d->name, Right::kList)) near.add(d->name);
  }
  const std::vector<std::string> prefixed = near.prefixed(kMaxOtherNames);
  const std::vector<std::string> others = prefixed.empty() ? near.similar(kMaxOtherNames) : prefixed;
  for (const std::string& name : others) f->add_other_name(name);
  set_verdict(f, prefixed.empty() ? proto::VERDICT_NO_TOPIC : proto::VERDICT_OTHER_NAME,
              "no topic " + topic + " here" +
                  (others.empty()     ? ""
                   : prefixed.empty() ? "; did you mean "
                                      : "; it may be the one called ") +
                  joined(others) +
                  (others.empty()     ? ""
                   : prefixed.empty() ? "?"
                                      : " here"));
}

std::string writer_words(const WriterInfo& w) {
  return "node " + w.node + " (pid " + std::to_string(w.pid) + " on " + w.host + ")";
}

// What the copy itself says, whose newest sample is `head`.
void judge_copy(const Viewpoint& at, uint32_t id, const SampleHead& head, int64_t now_ns, proto::Finding* f) {
  const TopicSource& store = at.outbound->source();
  const TopicDescription& d = *store.topic(id);
  const std::vector<WriterInfo> writers = store.writers(id);
  const Session* from = session_of(at, store.session_key(id));
  const int64_t age_ns = head.sequence == 0 ? -1 : std::max<int64_t>(0, age_at(now_ns, head.born_ns));
  f->set_topic_hops(d.hops + 1);
  f->set_state(to_wire(store.reported_state(id)));
  f->set_age_ns(age_ns);
  const std::string source = !writers.empty()  ? writer_words(writers[0])
                             : from != nullptr ? "peer " + from->peer().name
                                               : "node " + d.origin->node + " on " + d.origin->host;
  const auto other = std::find_if(writers.begin(), writers.end(), [&](const WriterInfo& w) {
    return w.live && w.schema_hash != writers[0].schema_hash;
  });
  if (other != writers.end() && writers[0].live) {
    return set_verdict(f, proto::VERDICT_MISMATCH,
                       writer_words(writers[0]) + " and " + writer_words(*other) +
                           " both publish it, with different layouts: give one of them another name");
  }
  switch (store.reported_state(id)) {
    case State::kLinkDown:
      return set_verdict(f, proto::VERDICT_LINK_DOWN,
                         "the relay that it comes from is lost; last heard of " + d.origin->host);
    case State::kSubstituted:
      return set_verdict(f, proto::VERDICT_SUBSTITUTED,
                         "its maximum age is over and a fail-safe value stands in");
    case State::kSourceDead:
      return set_verdict(f, proto::VERDICT_SOURCE_DEAD,
                         !writers.empty() ? "its writer, " + source + ", is gone; the last value stays"
                                          : "its writer, node " + d.origin->node + " on " + d.origin->host +
                                                ", is gone; the last value stays");
    default:
      break;
  }
  if (head.sequence == 0) {
    return set_verdict(f, store.is_current(id) ? proto::VERDICT_NO_SAMPLE : proto::VERDICT_NO_DEMAND,
                       "no sample has come of " + source);
  }
  const std::string age = time_words(age_ns);
  if (!store.is_current(id)) {
    return set_verdict(f, proto::VERDICT_NO_DEMAND,
                       "nobody here asks for it; what is kept, sample " + std::to_string(head.sequence) +
                           ", is " + age + " old");
  }
  if (d.max_age_ns > 0 && age_ns > d.max_age_ns) {
    return set_verdict(f, proto::VERDICT_STALE,
                       "sample " + std::to_string(head.sequence) + " of " + source + " is " + age +
                           " old, its maximum age is " + time_words(d.max_age_ns));
  }
  set_verdict(f, proto::VERDICT_PASSES,
              "sample " + std::to_string(head.sequence) + " of " + source + ", " + age + " old");
}

void judge_receiving(const Viewpoint& at, const std::string& topic, Session* s, proto::Finding* f) {
  const std::string theirs = name_there(at, s, topic);
  const std::string& peer = s->peer().name;
  const bool rules = !at.inbound->rules().empty();
  const RuleSet::Decision decision = at.inbound->explain(theirs, peer);
  if (rules && !decision.rule)
    return set_verdict(f, proto::VERDICT_FILTER, filter_words("receive", "from", decision));
  const Inbound::Acceptance acceptance = at.inbound->acceptance(theirs, peer);
  if (acceptance.name.empty()) return set_verdict(f, proto::VERDICT_BAD_NAME, acceptance.error);
  const std::string by = rules ? rule_words("receive", *decision.rule) : "it takes all";
  const std::string as = theirs == acceptance.name ? "" : "; " + peer + " calls it " + theirs;
  const auto status = s->receiver().status(theirs);
  if (!status)
    return set_verdict(f, proto::VERDICT_PASSES, by + ", but " + peer + " has not announced it" + as);
  if (status->verdict != proto::VERDICT_PASSES) return set_verdict(f, status->verdict, status->text);
  if (status->last_put == PutResult::kTooOld) {
    return set_verdict(f, proto::VERDICT_STALE,
                       acceptance.terms->drop_older_ns != 0
                           ? by + " takes nothing older than " + time_words(acceptance.terms->drop_older_ns)
                           : "its last sample was older than its maximum age when it came");
  }
  if (status->last_put == PutResult::kRefused)
    return set_verdict(f, proto::VERDICT_NO_ROOM, "there was no room for its last sample");
  set_verdict(f, as.empty() ? proto::VERDICT_PASSES : proto::VERDICT_RENAMED, by + as);
}

// Which rule of access keeps it from the peer.
std::string access_words(const std::string& peer, const Access::Decision& d) {
  const std::string read = " " + peer + " read it";
  if (d.named) return rule_words("deny", d.rule->index) + " does not let" + read;
  return (d.rule != nullptr ? "no [[allow]] rule lets" : "without a proper name nothing lets") + read;
}

// `id`: nothing if the topic is not here; `asker`: who is told.
void judge_sending(const Viewpoint& at, const std::string& topic, std::optional<uint32_t> id,
                   const SampleHead& head, Session* s, Session* asker, int64_t now_ns, proto::Finding* f) {
  const RuleSet::Decision decision = at.outbound->explain(topic, s->peer().name);
  const std::optional<Pacing> requested = s->sender().subscriptions().pacing_for(topic);
  f->set_asked(requested.has_value());
  if (!decision.rule) return set_verdict(f, proto::VERDICT_FILTER, filter_words("send", "to", decision));
  const Access::Decision access = at.access->decide(s->peer().name, topic, Right::kRead);
  if (!access.allowed) return set_verdict(f, proto::VERDICT_DENIED, access_words(s->peer().name, access));
  const SendRule& rule = at.outbound->rules()[*decision.rule];
  const std::string by = rule_words("send", *decision.rule);
  const TopicDescription* d = id ? at.outbound->source().topic(*id) : nullptr;
  if (d != nullptr && !at.outbound->fits(*id))
    return set_verdict(f, proto::VERDICT_TOO_LARGE, "its name or its schema is larger than a message");
  if (d != nullptr && rule.max_bytes != 0 && at.outbound->max_bytes(*id) > rule.max_bytes) {
    return set_verdict(f, proto::VERDICT_TOO_LARGE,
                       by + " lets values of at most " + std::to_string(rule.max_bytes) +
                           " bytes pass; those of this topic have up to " +
                           std::to_string(at.outbound->max_bytes(*id)));
  }
  if (d != nullptr && d->hops >= proto::kMaxHops) {
    return set_verdict(f, proto::VERDICT_LOOP,
                       "it has come over " + std::to_string(d->hops) +
                           " relays and goes no further: do they stand in a ring?");
  }
  if (!requested) {
    const bool all = at.access->may_list_all(asker->peer().name);  // else not what others ask for
    return set_verdict(f, proto::VERDICT_NO_DEMAND,
                       all ? subscriptions_text(s->peer().name, s->sender().subscriptions())
                           : s->peer().name + " does not ask for it");
  }
  const int64_t age_ns = age_at(now_ns, head.born_ns);
  if (head.sequence != 0 && rule.drop_older_ns != 0 && age_ns > rule.drop_older_ns) {
    return set_verdict(f, proto::VERDICT_STALE,
                       by + " sends nothing older than " + time_words(rule.drop_older_ns) +
                           "; its newest sample is " + time_words(age_ns) + " old");
  }
  const Pacing pacing = less_of(rule.pacing, *requested);
  const PeerSender::TopicStatus status = id ? s->sender().status(*id) : PeerSender::TopicStatus();
  const std::string words = by + ": " + rate_words(pacing) + dscp_words(*s->link());
  const bool capped = status.waits && status.cap_open_ns > now_ns;
  if (capped || thins(pacing)) {
    return set_verdict(f, proto::VERDICT_RATE,
                       words +
                           (thins(pacing) && pacing.period_ns > rule.pacing.period_ns
                                ? ", as " + s->peer().name + " asks for"
                                : "") +
                           (capped ? ", at most " + std::to_string(rule.bytes_per_s) + " bytes/s: next in " +
                                         time_words(status.cap_open_ns - now_ns)
                                   : ""));
  }
  if (status.waits && !s->congestion_window().open(now_ns))
    return set_verdict(f, proto::VERDICT_WAITING, words + "; the link is full");
  set_verdict(f, proto::VERDICT_PASSES,
              words + (status.sequence != 0 ? "; sent last: sample " + std::to_string(status.sequence) : ""));
}

// The peer is where it comes from.
bool comes_from(const Viewpoint& at, const std::string& topic, std::optional<uint32_t> id, Session* s) {
  if (!id) return false;
  const TopicSource& store = at.outbound->source();
  if (store.session_key(*id) == s->key() || store.topic(*id)->origin->origin_id == s->peer().origin)
    return true;
  const std::optional<std::string> theirs = s->receiver().sender_name(topic);
  return theirs && s->receiver().status(*theirs)->verdict == proto::VERDICT_PASSES;
}

}  // namespace

bool Viewpoint::takes_from(const Session& s) const {
  return s.peer().serves && (proxy || !inbound->subscriptions(s.peer().name).empty());
}

bool Viewpoint::allows(const Session& asker, const std::string& topic, Right right) const {
  const Access::Decision d = access->decide(asker.peer().name, topic, right);
  if (d.allowed) return true;
  ++*denied;
  access->tell(asker.peer().name, topic, d);
  return false;
}

proto::Finding denied_finding(const Viewpoint& at, const Session& asker, const std::string& topic) {
  proto::Finding f = finding_of(at, proto::SIDE_HERE, topic);
  set_verdict(&f, proto::VERDICT_DENIED, "peer " + asker.peer().name + " may not list it");
  return f;
}

void leave_out_other_topics(proto::Finding* f) {
  f->clear_other_name();
  const proto::Verdict v = f->verdict();
  if (v == proto::VERDICT_NO_TOPIC || v == proto::VERDICT_OTHER_NAME) f->set_text("no such topic here");
  if (v == proto::VERDICT_NO_DEMAND) f->set_text("nobody asks for it");
}

proto::Finding finding_of(const Viewpoint& at, proto::Side side, const std::string& topic) {
  proto::Finding f;
  f.set_relay(at.name);
  f.set_instance(at.instance);
  const bool takes = !at.inbound->rules().empty();
  f.set_role(at.proxy               ? "proxy"
             : at.serves() && takes ? "relay"
             : at.serves()          ? "pub"
             : takes                ? "sub"
                                    : "client");
  f.set_side(side);
  f.set_topic(topic);
  f.set_age_ns(-1);
  return f;
}

std::string name_here(const Viewpoint& at, Session* asker, const std::string& theirs,
                      const std::string& ours) {
  if (theirs.empty()) return ours;
  if (const auto status = asker->receiver().status(theirs); status && !status->name.empty())
    return status->name;
  if (!at.takes_from(*asker)) return ours;
  if (at.access->allows(asker->peer().name, ours, Right::kList) && id_of(at.outbound->source(), ours))
    return ours;
  const Inbound::Acceptance acceptance = at.inbound->acceptance(theirs, asker->peer().name);
  return acceptance.name.empty() ? ours : acceptance.name;
}

std::string name_there(const Viewpoint& at, Session* peer, const std::string& topic) {
  if (std::optional<std::string> known = peer->receiver().sender_name(topic)) return *known;
  return at.inbound->original(topic, peer->peer().name).value_or(topic);
}

std::vector<proto::Finding> explain(const Viewpoint& at, const std::string& topic, Session* asker, bool first,
                                    int64_t now_ns) {
  std::vector<proto::Finding> out;
  const TopicSource& store = at.outbound->source();
  const std::optional<uint32_t> id = id_of(store, topic);
  const SampleHead head = id ? newest(at, *id) : SampleHead{};
  proto::Finding& here = out.emplace_back(finding_of(at, proto::SIDE_HERE, topic));
  if (id) {
    judge_copy(at, *id, head, now_ns, &here);
  } else {
    suggest_names(at, topic, asker, &here);
  }
  for (const Viewpoint::Lost& lost : at.lost) {
    proto::Finding& f = out.emplace_back(finding_of(at, proto::SIDE_LINK, topic));
    f.set_peer(lost.endpoint.substr(0, kMaxFindingName));
    set_verdict(&f, proto::VERDICT_LINK_DOWN,
                "nobody has answered at " + lost.endpoint + " for " + time_words(now_ns - lost.since_ns));
  }
  bool any = false;
  for (const auto& [key, s] : *at.sessions) {
    if (first && s.get() == asker) continue;
    const bool takes = s->peer().serves && (at.proxy || !at.inbound->rules().empty());
    if (takes || s->receiver().sender_name(topic))
      judge_receiving(at, topic, s.get(), &out.emplace_back(towards(at, proto::SIDE_RECEIVING, topic, *s)));
    if (!at.serves() || comes_from(at, topic, id, s.get())) continue;
    judge_sending(at, topic, id, head, s.get(), asker, now_ns,
                  &out.emplace_back(towards(at, proto::SIDE_SENDING, topic, *s)));
    any = true;
  }
  // Where nobody takes it further, unless it has arrived.
  const bool arrived = id && !at.inbound->rules().empty() && store.topic(*id)->hops > 0;
  if (at.serves() && !any && !arrived) {
    set_verdict(&out.emplace_back(finding_of(at, proto::SIDE_SENDING, topic)), proto::VERDICT_NO_DEMAND,
                "no relay is here that could ask for it");
  }
  if (out.size() > kMaxFindings) out.resize(kMaxFindings);
  return out;
}

}  // namespace smt::relay
