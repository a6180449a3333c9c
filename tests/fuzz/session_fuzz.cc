// A relay that binds and dials, and a peer at each end that says anything in any order while time passes
// (libFuzzer): the relay keeps its bounds, who was served before is served throughout, and so are those who
// come afterwards and keep to the protocol.

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <string>

#include "relay/relay.h"
#include "tests/fuzz/bounds.h"
#include "tests/fuzz/script.h"
#include "tests/fuzz/speaker.h"
#include "tests/proto/batch_rows.h"
#include "tests/relay/link_mem.h"
#include "tests/relay/wire_topic.h"
#include "tests/times.h"

namespace {

using namespace smt;
using fuzz::expect;
using fuzz::Speaker;
using proto::Envelope;

constexpr int64_t kTick = 200 * kMs, kMaxTime = 4000 * kMs;
constexpr uint64_t kMaxBytes = 1 << 20;
constexpr size_t kMaxSteps = 16;
// Of the process, beyond what the store may take: sessions, queues, patterns, and what a topic costs.
constexpr size_t kMaxHeap = kMaxBytes + (8 << 20);

// Step::what: an act, and how it is done.
enum Act : uint8_t { kSay = 0, kPass = 8, kRepeat, kNoise, kCut, kGreet, kFrames, kPublish, kAsk };
enum How : uint8_t { kActs = 15, kBinding = 16, kWrongNumber = 32, kWrongSession = 64, kDamaged = 128 };

class World {
 public:
  // `proxy`: else one that peers may set topics of.
  explicit World(bool proxy) : relay_(&store_, options(proxy)) {
    relay_.add(down_.bind("mem://down"));
    relay_.add(up_.dial("mem://up", "t"));
    good_.greet();
    act();
    proto::Topic of = relay::wire_topic(1, "good/of");
    of.mutable_origin()->set_id(std::string(16, 'g'));
    good_.say(relay::wire_announce({of}));
    good_.want("good/**");
    local_ = *store_.open(local(), 0);
    expect(served(), "who keeps to the protocol is not served");
  }
  ~World() { down_.hook = nullptr; }

  void run_step(const fuzz::Step& s) {
    Speaker& who = (s.what & kBinding) != 0 ? binder_ : evil_;
    switch (s.what & kActs) {
      case kPass:
        pass(s.how * 5 * kMs);
        break;
      case kRepeat:
        for (int i = 0; i < s.how; ++i) who.again();
        break;
      case kNoise:
        who.send(s.body, s.payload);
        break;
      case kCut:
        down_.cut("evil");
        down_.heal("evil");
        break;
      case kGreet:
        // The end that binds would have the relay wait for it longer than this test does.
        if (&who == &evil_) {
          who.greet(uint64_t{s.how} << 56, uint64_t{s.how} << 32);
        } else {
          who.greet();
        }
        break;
      case kFrames:
        down_.hook = [](relay::MemMessage* m) {
          m->malformed = m->dialer == "evil" && m->to_binder;
          return relay::MemNet::Fate::kDeliver;
        };
        evil_.send(s.body, "");
        down_.hook = nullptr;
        break;
      case kPublish:
        publish();
        break;
      case kAsk:
        relay_.get({{{"**"}, {}, 0}}, s.how % 2 == 0, now_ns_, kMs * s.how);
        relay_.trace("a/b", now_ns_, kMs * s.how);
        break;
      default:
        say(s, &who);
    }
    act();
  }
  // Everybody who keeps to the protocol is served, whoever has been here.
  void expect_served() {
    expect(served(), "who was there before is not served any more");
    evil_.greet();
    evil_.want("good/**");
    expect(until([&] { return evil_.has(value_); }), "who begins anew is not served");
    proto::Reset reset;
    reset.set_reason(proto::Reset::BYE);
    binder_.say(reset);
    // A peer that answered badly is dialled again after a while; one that did not answer, too.
    for (int i = 0; i < 2; ++i) {
      binder_.forget_greeting();
      expect(until([&] { return binder_.greeted(); }, 20'000 * kMs, 1000 * kMs), "it does not dial any more");
    }
    const uint64_t opened = relay_.counters().session.opened;
    binder_.greet();
    expect(until([&] { return relay_.counters().session.opened > opened; }), "the answer begins no session");
  }
  void expect_in_bounds(size_t heap_before) {
    const relay::Counters c = relay_.counters();
    const size_t peers = relay_.peers().size();
    expect(c.session.opened - c.session.ended == peers && peers <= 2 + kMaxSteps, "sessions of nobody");
    expect(c.session.wants <= 1024 * peers && c.session.requests <= 1200 * peers + kMaxSteps,
           "more requests than peers may have");
    expect(c.outbound.in_flight_bytes <= 64 << 20, "bytes under way without bound");
    fuzz::expect_bounds(store_, kMaxBytes);
    expect(__sanitizer_get_current_allocated_bytes() <= heap_before + kMaxHeap, "memory without bound");
  }

 private:
  static relay::RelayOptions options(bool proxy) {
    relay::RelayOptions o;
    o.name = "t";
    o.instance = 1;
    o.origin_id[0] = 't';
    o.send.emplace_back();
    o.proxy = proxy;
    if (!proxy) {
      o.receive.emplace_back();
      relay::WriteRule& write = o.write.emplace_back();
      write.topic = {"set/x"};
      write.type = "f64";
      o.write_node = "sets-t";
    }
    o.random = [n = uint64_t{1000}]() mutable { return ++n; };
    return o;
  }
  static relay::TopicDescription local() {
    relay::TopicDescription d;
    d.name = "good/local";
    d.schema = std::make_shared<const std::string>(Schema::bytes().text());
    d.schema_hash = Schema::bytes().hash();
    d.max_bytes = 16;
    d.history = 4;
    d.origin = TopicOrigin{{'t'}, {}, "", "", ""};
    return d;
  }

  void say(const fuzz::Step& s, Speaker* who) {
    Speaker::Lie lie{(s.what & kWrongNumber) != 0, (s.what & kWrongSession) != 0, (s.what & kDamaged) != 0};
    who->say(3 + s.how % 16, s.body, s.payload, lie);
  }
  // A value of this relay's own, of always the same size.
  void publish() {
    value_ = std::to_string(1'000'000'000 + ++published_);
    store_.put(local_, {published_, now_ns_, now_ns_, now_ns_}, std::as_bytes(std::span(value_)));
  }
  void act() {
    relay_.step(now_ns_);
    for (Speaker* s : {&good_, &evil_, &binder_}) s->hear();
  }
  void pass(int64_t ns) {
    const int64_t end_ns = std::min(now_ns_ + ns, kBegin + kMaxTime);
    while (now_ns_ < end_ns) tick();
  }
  void tick(int64_t ns = kTick) {
    now_ns_ += ns;
    good_.report(now_ns_);
    act();
  }
  template <class Condition>
  bool until(Condition condition, int64_t within_ns = 3000 * kMs, int64_t tick_ns = kTick) {
    for (const int64_t end_ns = now_ns_ + within_ns; !condition() && now_ns_ < end_ns;) {
      evil_.report(now_ns_);
      tick(tick_ns);
    }
    return condition();
  }
  // A value of it arrives here, and one from here there.
  bool served() {
    publish();
    const std::string of = std::to_string(2'000'000'000 + published_);
    good_.say_batch(1, published_, of);
    return until([&] {
      const std::optional<uint32_t> id = store_.find("good/of");
      if (!id || !good_.has(value_)) return false;
      return std::ranges::equal(store_.value(*id), std::as_bytes(std::span(of)));
    });
  }

  static constexpr int64_t kBegin = 1'000'000'000'000;
  int64_t now_ns_ = kBegin;
  relay::MemStore store_{kMaxBytes};
  relay::MemNet down_{&now_ns_}, up_{&now_ns_};
  relay::Relay relay_;
  Speaker good_{down_.dial("mem://down", "good"), 77'001, 0x600d600d600d};
  Speaker evil_{down_.dial("mem://down", "evil"), 66'001, 0xe1};
  Speaker binder_{up_.bind("mem://up"), 0, 0xe2};
  uint32_t local_ = 0;
  uint64_t published_ = 0;
  std::string value_;
};

fuzz::Script good() {
  fuzz::Script good;
  const auto say = [&](const auto& body, const std::string& payload = "") {
    good.push_back({kSay, static_cast<uint8_t>(proto::kFieldOf<std::decay_t<decltype(body)>> - 3),
                    body.SerializeAsString(), payload});
  };
  good.push_back({kGreet, 0, "", ""});
  proto::Want want;
  want.add_selection()->add_topic("**");
  say(want);
  proto::Topic every = relay::wire_topic(4, "c", 1000);
  every.set_every(true);
  say(relay::wire_announce({relay::wire_topic(3, "a/b"), every}));
  proto::Batch batch;
  proto::append_rows({{3, 1, 10, 5}, {4, 1, 10, 5}}, &batch);
  batch.add_size(3);
  batch.add_size(2);
  say(batch, "abcde");
  proto::Chunk chunk;
  chunk.set_id(3);
  chunk.set_sequence(9);
  chunk.set_size(6);
  say(chunk, "abc");
  chunk.set_offset(3);
  say(chunk, "def");
  proto::StateChange state;
  state.add_id(3);
  state.add_state(proto::LINK_DOWN);
  say(state);
  proto::Resume resume;
  resume.add_id(0);
  resume.add_sequence(1);
  say(resume);
  proto::Get get;
  get.set_request(5);
  get.add_selection()->add_topic("good/*");
  say(get);
  get.set_list(true);
  say(get);
  proto::Trace trace;
  trace.set_request(6);
  trace.set_topic("good/local");
  say(trace);
  proto::Traced traced;
  traced.set_request(7);
  traced.add_finding()->set_relay("x");
  say(traced);
  proto::Set set;
  set.set_request(8);
  set.set_topic("set/x");
  set.set_holder(5);
  set.set_holder_name("x");
  say(set);
  set.set_request(9);
  set.set_kind(proto::SET_VALUE);
  set.set_target(1);
  set.set_schema_hash(Schema::scalar(Type::kF64).hash());
  say(set, "AAAAAAAA");
  proto::SetReply set_reply;
  set_reply.set_request(8);
  set_reply.add_answer()->set_relay("x");
  say(set_reply);
  proto::Reply reply;
  reply.set_request(1);
  reply.set_topics(1);
  say(reply);
  proto::Report report;
  report.set_acknowledged(1);
  say(report);
  // By what it says its messages take 50 s.
  report.set_echo_sent_ns(950'000'000'000);
  report.set_echo_received_ns(1);
  report.set_sent_ns(1);
  say(report);
  good.push_back({kPass, 100, "", ""});
  good.push_back({kPublish, 0, "", ""});
  good.push_back({kAsk, 0, "", ""});
  proto::Forget forget;
  forget.add_id(3);
  say(forget);
  proto::Reset reset;
  reset.set_reason(proto::Reset::BYE);
  say(reset);
  return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::executed();
  const fuzz::Script script = fuzz::read_script({data, size}, kMaxSteps);
  if (script.empty()) return 0;
  const size_t heap_before = __sanitizer_get_current_allocated_bytes();
  World world(script.size() % 2 == 0);
  for (const fuzz::Step& s : script) world.run_step(s);
  world.expect_in_bounds(heap_before);
  world.expect_served();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  static const fuzz::Script kGood = good();
  return fuzz::mutate_script(data, size, max_size, seed, kGood, kMaxSteps);
}
