#include "relay/explain/explain.h"

#include <algorithm>
#include <cstdio>

#include "relay/message/durations.h"
#include "relay/message/wire.h"
#include "relay/names/near_names.h"
#include "relay/rules/pacing.h"
#include "shm/clock.h"

namespace smt::relay {

namespace {

constexpr size_t kMostPatternsTold = 3;

std::optional<uint32_t> IdOf(const TopicSource& store, const std::string& topic) {
  for (uint32_t id = 0; id < store.topic_limit(); ++id) {
    const TopicDescription* d = store.topic(id);
    if (d != nullptr && d->name == topic) return id;
  }
  return std::nullopt;
}

void Say(proto::Finding* f, proto::Verdict verdict, std::string text) {
  f->set_verdict(verdict);
  if (text.size() > kMostFindingText) text.resize(kMostFindingText);
  f->set_text(std::move(text));
}

proto::Finding Towards(const Viewpoint& at, proto::Side side, const std::string& topic, const Session& peer) {
  proto::Finding f = FindingOf(at, side, topic);
  f.set_peer(peer.peer().name);
  f.set_peer_instance(peer.peer().instance);
  return f;
}

std::string RuleWords(const char* table, size_t index) {
  return std::string("[[") + table + "]] rule " + std::to_string(index + 1);
}

// Why no rule decides. `peers`: the key that names them.
std::string FilterWords(const char* table, const char* peers, const RuleSet::Decision& d) {
  const std::string pattern = d.pattern != nullptr ? d.pattern->text() : "";
  switch (d.why) {
    case RuleSet::Why::kExcluded:
      return RuleWords(table, *d.nearest) + " excludes it by " + pattern;
    case RuleSet::Why::kOtherPeer:
      return RuleWords(table, *d.nearest) + " names it by " + pattern + ", but is for other peers (`" +
             peers + "`)";
    default:
      return std::string("no [[") + table + "]] rule names it";
  }
}

std::string Joined(const std::vector<std::string>& patterns) {
  std::string out;
  for (size_t i = 0; i < patterns.size() && i < kMostPatternsTold; ++i) out += (i ? ", " : "") + patterns[i];
  return patterns.size() > kMostPatternsTold ? out + ", ..." : out;
}

// What a peer asks for that does not name the topic.
std::string DemandWords(const std::string& peer, const Demand& demand) {
  if (demand.empty()) return peer + " asks for nothing";
  std::string out = peer + " asks for ";
  size_t told = 0;
  for (const Selection& s : demand.selections()) {
    if (told++ == kMostPatternsTold) break;
    out += (told > 1 ? "; " : "") + Joined(s.topic);
    if (!s.exclude.empty()) out += " but not " + Joined(s.exclude);
  }
  return out + ": not for this";
}

std::string RateWords(const Pacing& p) {
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

// The newest sample; sequence 0: there is none.
SampleHead Newest(const Viewpoint& at, uint32_t id) {
  SampleHead head{};
  if (const SampleHead* noted = at.outbound->source().noted(id); noted != nullptr) return *noted;
  Frame value;
  if (at.outbound->sample_whole(id, std::nullopt, &head, &value) != SampleRead::kOk) return {};
  return head;
}

Session* SessionOf(const Viewpoint& at, uint64_t key) {
  const auto it = at.sessions->find(key);
  return it == at.sessions->end() ? nullptr : it->second.get();
}

// Names like this one that `asker` may know.
void SuggestNames(const Viewpoint& at, const std::string& topic, Session* asker, proto::Finding* f) {
  const TopicSource& store = at.outbound->source();
  NearNames near(topic);
  for (uint32_t id = 0; id < store.topic_limit() && !near.full(); ++id) {
    const TopicDescription* d = store.topic(id);
    if (d == nullptr) continue;
    const bool may =
        at.outbound->rule(id, asker->peer().name).has_value() || asker->intake().sender_name(d->name);
    if (may && at.access->allows(asker->peer().name, d->name, Right::kList)) near.add(d->name);
  }
  const std::vector<std::string> prefixed = near.prefixed(kMostOtherNames);
  const std::vector<std::string> others = prefixed.empty() ? near.similar(kMostOtherNames) : prefixed;
  for (const std::string& name : others) f->add_other_name(name);
  Say(f, prefixed.empty() ? proto::VERDICT_NO_TOPIC : proto::VERDICT_OTHER_NAME,
      "no topic " + topic + " here" +
          (others.empty()     ? ""
           : prefixed.empty() ? "; did you mean "
                              : "; it may be the one called ") +
          Joined(others) +
          (others.empty()     ? ""
           : prefixed.empty() ? "?"
                              : " here"));
}

std::string WriterWords(const WriterInfo& w) {
  return "node " + w.node + " (pid " + std::to_string(w.pid) + " on " + w.host + ")";
}

// What the copy itself says, whose newest sample is `head`.
void JudgeCopy(const Viewpoint& at, uint32_t id, const SampleHead& head, int64_t now_ns, proto::Finding* f) {
  const TopicSource& store = at.outbound->source();
  const TopicDescription& d = *store.topic(id);
  const std::vector<WriterInfo> writers = store.writers(id);
  const Session* from = SessionOf(at, store.session_key(id));
  const int64_t age_ns = head.sequence == 0 ? -1 : std::max<int64_t>(0, AgeNs(now_ns, head.born_ns));
  f->set_topic_hops(d.hops + 1);
  f->set_state(ToWire(store.told_state(id)));
  f->set_age_ns(age_ns);
  const std::string source = !writers.empty()  ? WriterWords(writers[0])
                             : from != nullptr ? "peer " + from->peer().name
                                               : "node " + d.origin.node + " on " + d.origin.host;
  const auto other = std::find_if(writers.begin(), writers.end(), [&](const WriterInfo& w) {
    return w.live && w.schema_hash != writers[0].schema_hash;
  });
  if (other != writers.end() && writers[0].live) {
    return Say(f, proto::VERDICT_MISMATCH,
               WriterWords(writers[0]) + " and " + WriterWords(*other) +
                   " both publish it, with different layouts: give one of them another name");
  }
  switch (store.told_state(id)) {
    case State::kLinkDown:
      return Say(f, proto::VERDICT_LINK_DOWN,
                 "the relay that it comes from is lost; last heard of " + d.origin.host);
    case State::kSubstituted:
      return Say(f, proto::VERDICT_SUBSTITUTED, "its maximum age is over and a fail-safe value stands in");
    case State::kSourceDead:
      return Say(f, proto::VERDICT_SOURCE_DEAD,
                 !writers.empty() ? "its writer, " + source + ", is gone; the last value stays"
                                  : "its writer, node " + d.origin.node + " on " + d.origin.host +
                                        ", is gone; the last value stays");
    default:
      break;
  }
  if (head.sequence == 0) {
    return Say(f, store.is_current(id) ? proto::VERDICT_NO_SAMPLE : proto::VERDICT_NO_DEMAND,
               "no sample has come of " + source);
  }
  const std::string age = TimeWords(age_ns);
  if (!store.is_current(id)) {
    return Say(f, proto::VERDICT_NO_DEMAND,
               "nobody here asks for it; what is kept, sample " + std::to_string(head.sequence) + ", is " +
                   age + " old");
  }
  if (d.max_age_ns > 0 && age_ns > d.max_age_ns) {
    return Say(f, proto::VERDICT_STALE,
               "sample " + std::to_string(head.sequence) + " of " + source + " is " + age +
                   " old, its maximum age is " + TimeWords(d.max_age_ns));
  }
  Say(f, proto::VERDICT_PASSES,
      "sample " + std::to_string(head.sequence) + " of " + source + ", " + age + " old");
}

void JudgeReceiving(const Viewpoint& at, const std::string& topic, Session* s, proto::Finding* f) {
  const std::string theirs = NameThere(at, s, topic);
  const std::string& peer = s->peer().name;
  const bool rules = !at.inbound->rules().empty();
  const RuleSet::Decision decision = at.inbound->explain(theirs, peer);
  if (rules && !decision.rule) return Say(f, proto::VERDICT_FILTER, FilterWords("receive", "from", decision));
  const Inbound::Taken taken = at.inbound->taken(theirs, peer);
  if (taken.name.empty()) return Say(f, proto::VERDICT_BAD_NAME, taken.error);
  const std::string by = rules ? RuleWords("receive", *decision.rule) : "it takes all";
  const std::string as = theirs == taken.name ? "" : "; " + peer + " calls it " + theirs;
  const auto standing = s->intake().standing(theirs);
  if (!standing) return Say(f, proto::VERDICT_PASSES, by + ", but " + peer + " has not announced it" + as);
  if (standing->verdict != proto::VERDICT_PASSES) return Say(f, standing->verdict, standing->text);
  if (standing->last_put == Put::kTooOld) {
    return Say(f, proto::VERDICT_STALE,
               taken.drop_older_ns != 0 ? by + " takes nothing older than " + TimeWords(taken.drop_older_ns)
                                        : "its last sample was older than its maximum age when it came");
  }
  if (standing->last_put == Put::kRefused)
    return Say(f, proto::VERDICT_NO_ROOM, "there was no room for its last sample");
  Say(f, as.empty() ? proto::VERDICT_PASSES : proto::VERDICT_RENAMED, by + as);
}

// Which rule of access keeps it from the peer.
std::string AccessWords(const std::string& peer, const Access::Decision& d) {
  const std::string read = " " + peer + " read it";
  if (d.named) return RuleWords("deny", d.rule->index) + " does not let" + read;
  return (d.rule != nullptr ? "no [[allow]] rule lets" : "without a proper name nothing lets") + read;
}

// `id`: nothing if the topic is not here; `asker`: who is told.
void JudgeSending(const Viewpoint& at, const std::string& topic, std::optional<uint32_t> id,
                  const SampleHead& head, Session* s, Session* asker, int64_t now_ns, proto::Finding* f) {
  const RuleSet::Decision decision = at.outbound->explain(topic, s->peer().name);
  const std::optional<Pacing> wish = s->feed().demand().wish(topic);
  f->set_asked(wish.has_value());
  if (!decision.rule) return Say(f, proto::VERDICT_FILTER, FilterWords("send", "to", decision));
  const Access::Decision access = at.access->decide(s->peer().name, topic, Right::kRead);
  if (!access.allowed) return Say(f, proto::VERDICT_DENIED, AccessWords(s->peer().name, access));
  const SendRule& rule = at.outbound->rules()[*decision.rule];
  const std::string by = RuleWords("send", *decision.rule);
  const TopicDescription* d = id ? at.outbound->source().topic(*id) : nullptr;
  if (d != nullptr && !at.outbound->fits(*id))
    return Say(f, proto::VERDICT_TOO_LARGE, "its name or its schema is larger than a message");
  if (d != nullptr && rule.max_bytes != 0 && at.outbound->max_bytes(*id) > rule.max_bytes) {
    return Say(f, proto::VERDICT_TOO_LARGE,
               by + " lets values of at most " + std::to_string(rule.max_bytes) +
                   " bytes pass; those of this topic have up to " +
                   std::to_string(at.outbound->max_bytes(*id)));
  }
  if (d != nullptr && d->hops >= proto::kMostHops) {
    return Say(f, proto::VERDICT_LOOP,
               "it has come over " + std::to_string(d->hops) +
                   " relays and goes no further: do they stand in a ring?");
  }
  if (!wish) {
    const bool all = at.access->may_list_all(asker->peer().name);  // else not what others ask for
    return Say(
        f, proto::VERDICT_NO_DEMAND,
        all ? DemandWords(s->peer().name, s->feed().demand()) : s->peer().name + " does not ask for it");
  }
  const int64_t age_ns = AgeNs(now_ns, head.born_ns);
  if (head.sequence != 0 && rule.drop_older_ns != 0 && age_ns > rule.drop_older_ns) {
    return Say(f, proto::VERDICT_STALE,
               by + " sends nothing older than " + TimeWords(rule.drop_older_ns) + "; its newest sample is " +
                   TimeWords(age_ns) + " old");
  }
  const Pacing pacing = LessOf(rule.pacing, *wish);
  const Feed::Standing standing = id ? s->feed().standing(*id) : Feed::Standing();
  const std::string words = by + ": " + RateWords(pacing);
  const bool capped = standing.waits && standing.cap_open_ns > now_ns;
  if (capped || Thins(pacing)) {
    return Say(f, proto::VERDICT_RATE,
               words +
                   (Thins(pacing) && pacing.period_ns > rule.pacing.period_ns
                        ? ", as " + s->peer().name + " asks for"
                        : "") +
                   (capped ? ", at most " + std::to_string(rule.bytes_per_s) + " bytes/s: next in " +
                                 TimeWords(standing.cap_open_ns - now_ns)
                           : ""));
  }
  if (standing.waits && !s->credit().open(now_ns))
    return Say(f, proto::VERDICT_WAITING, words + "; the link is full");
  Say(f, proto::VERDICT_PASSES,
      words + (standing.sequence != 0 ? "; sent last: sample " + std::to_string(standing.sequence) : ""));
}

// The peer is where it comes from.
bool ComesFrom(const Viewpoint& at, const std::string& topic, std::optional<uint32_t> id, Session* s) {
  if (!id) return false;
  const TopicSource& store = at.outbound->source();
  if (store.session_key(*id) == s->key() || store.topic(*id)->origin.origin_id == s->peer().origin)
    return true;
  const std::optional<std::string> theirs = s->intake().sender_name(topic);
  return theirs && s->intake().standing(*theirs)->verdict == proto::VERDICT_PASSES;
}

}  // namespace

bool Viewpoint::takes_from(const Session& s) const {
  return s.peer().serves && (proxy || !inbound->wishes(s.peer().name).empty());
}

bool Viewpoint::allows(const Session& asker, const std::string& topic, Right right) const {
  const Access::Decision d = access->decide(asker.peer().name, topic, right);
  if (d.allowed) return true;
  ++*denied;
  access->tell(asker.peer().name, topic, d);
  return false;
}

proto::Finding DeniedFinding(const Viewpoint& at, const Session& asker, const std::string& topic) {
  proto::Finding f = FindingOf(at, proto::SIDE_HERE, topic);
  Say(&f, proto::VERDICT_DENIED, "peer " + asker.peer().name + " may not list it");
  return f;
}

void LeaveOutOtherTopics(proto::Finding* f) {
  f->clear_other_name();
  const proto::Verdict v = f->verdict();
  if (v == proto::VERDICT_NO_TOPIC || v == proto::VERDICT_OTHER_NAME) f->set_text("no such topic here");
  if (v == proto::VERDICT_NO_DEMAND) f->set_text("nobody asks for it");
}

proto::Finding FindingOf(const Viewpoint& at, proto::Side side, const std::string& topic) {
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

std::string NameHere(const Viewpoint& at, Session* asker, const std::string& theirs,
                     const std::string& ours) {
  if (theirs.empty()) return ours;
  if (const auto standing = asker->intake().standing(theirs); standing && !standing->name.empty())
    return standing->name;
  if (!at.takes_from(*asker)) return ours;
  if (at.access->allows(asker->peer().name, ours, Right::kList) && IdOf(at.outbound->source(), ours))
    return ours;
  const Inbound::Taken taken = at.inbound->taken(theirs, asker->peer().name);
  return taken.name.empty() ? ours : taken.name;
}

std::string NameThere(const Viewpoint& at, Session* peer, const std::string& topic) {
  if (std::optional<std::string> known = peer->intake().sender_name(topic)) return *known;
  return at.inbound->original(topic, peer->peer().name).value_or(topic);
}

std::vector<proto::Finding> Explain(const Viewpoint& at, const std::string& topic, Session* asker, bool first,
                                    int64_t now_ns) {
  std::vector<proto::Finding> out;
  const TopicSource& store = at.outbound->source();
  const std::optional<uint32_t> id = IdOf(store, topic);
  const SampleHead head = id ? Newest(at, *id) : SampleHead{};
  proto::Finding& here = out.emplace_back(FindingOf(at, proto::SIDE_HERE, topic));
  if (id) {
    JudgeCopy(at, *id, head, now_ns, &here);
  } else {
    SuggestNames(at, topic, asker, &here);
  }
  for (const Viewpoint::Lost& lost : at.lost) {
    proto::Finding& f = out.emplace_back(FindingOf(at, proto::SIDE_LINK, topic));
    f.set_peer(lost.endpoint.substr(0, kMostFindingName));
    Say(&f, proto::VERDICT_LINK_DOWN,
        "nobody has answered at " + lost.endpoint + " for " + TimeWords(now_ns - lost.since_ns));
  }
  bool any = false;
  for (const auto& [key, s] : *at.sessions) {
    if (first && s.get() == asker) continue;
    const bool takes = s->peer().serves && (at.proxy || !at.inbound->rules().empty());
    if (takes || s->intake().sender_name(topic))
      JudgeReceiving(at, topic, s.get(), &out.emplace_back(Towards(at, proto::SIDE_RECEIVING, topic, *s)));
    if (!at.serves() || ComesFrom(at, topic, id, s.get())) continue;
    JudgeSending(at, topic, id, head, s.get(), asker, now_ns,
                 &out.emplace_back(Towards(at, proto::SIDE_SENDING, topic, *s)));
    any = true;
  }
  // Where nobody takes it further, unless it has arrived.
  const bool arrived = id && !at.inbound->rules().empty() && store.topic(*id)->hops > 0;
  if (at.serves() && !any && !arrived) {
    Say(&out.emplace_back(FindingOf(at, proto::SIDE_SENDING, topic)), proto::VERDICT_NO_DEMAND,
        "no relay is here that could ask for it");
  }
  if (out.size() > kMostFindings) out.resize(kMostFindings);
  return out;
}

}  // namespace smt::relay
