// Messages as any peer may send them, one by one (libFuzzer; each counts as an execution): what is opened
// keeps to the page and says itself again, what is damaged is not opened, and the relay they go to keeps its
// bounds.

#include <xxhash.h>

#include <string>

#include "relay/explain/route.h"
#include "relay/relay.h"
#include "relay/rules/subscription.h"
#include "tests/fuzz/bounds.h"
#include "tests/fuzz/script.h"
#include "tests/proto/proto_vectors.h"
#include "tests/relay/link_mem.h"
#include "tests/relay/wire_topic.h"

namespace {

using namespace smt;
using fuzz::expect;

constexpr uint64_t kSession = 4711;
constexpr uint64_t kMaxBytes = 1 << 20;
constexpr size_t kMaxSteps = 16;
// Step::what. The body is the header without its check.
enum What : uint8_t { kUnsealed = 1, kDamaged = 2 };

std::span<const std::byte> byte_view(std::string_view s) { return std::as_bytes(std::span(s)); }

// The last ten bytes, after the page alone.
std::string check(const std::string& header, const std::string& payload) {
  const uint64_t check =
      XXH3_64bits_withSeed(header.data(), header.size(), XXH3_64bits(payload.data(), payload.size()));
  std::string out = "\xf9\x01";
  for (int i = 0; i < 8; ++i) out += static_cast<char>(check >> 8 * i);
  return out;
}

// One message of each kind, as the first of its session.
fuzz::Script good() {
  fuzz::Script good;
  const auto add = [&](proto::Envelope e, const std::string& payload) {
    e.set_session(kSession);
    e.set_number(e.has_hello() || e.has_reset() || e.has_report() ? 0 : 1);
    good.push_back({0, 0, e.SerializeAsString(), payload});
  };
  for (const proto::Vector& v : proto::vectors()) {
    proto::Envelope e;
    expect(proto::open_message(byte_view(v.header), byte_view(v.payload), &e) == proto::Opened::kOk,
           "a vector that is none");
    add(e, v.payload);
  }
  proto::Envelope announce;
  *announce.mutable_announce() =
      relay::wire_announce({relay::wire_topic(3, "a/b"), relay::wire_topic(4, "c")});
  add(announce, "");
  return good;
}

// What the parsers of single messages make of it.
void parse(const proto::Envelope& e) {
  if (e.has_want() || e.has_get()) {
    const auto& wire = e.has_want() ? e.want().selection() : e.get().selection();
    const Result<relay::SubscriptionSet> subscriptions = relay::subscriptions_from_wire(wire);
    if (!subscriptions.ok())
      return expect(!subscriptions.status().message().empty(), "an error without a sentence");
    size_t patterns = 0;
    for (const relay::Subscription& s : subscriptions->items()) {
      patterns += s.topic.size() + s.exclude.size();
      expect(s.hops < proto::kMaxHops, "a subscription from too far away");
      expect(s.pacing.period_ns >= 0 && s.pacing.one_of >= 1 && s.pacing.deadband >= 0,
             "a pace that is none");
    }
    expect(subscriptions->items().size() <= 1024 && patterns <= 4096,
           "more subscriptions than one message may hold");
    proto::Want again;
    relay::to_wire(subscriptions->items(), again.mutable_selection());
    const Result<relay::SubscriptionSet> same = relay::subscriptions_from_wire(again.selection());
    expect(same.ok() && same->items() == subscriptions->items(), "subscriptions that change on the wire");
  }
  if (e.has_traced()) {
    const auto& findings = e.traced().finding();
    const relay::Route route = relay::find_route({findings.begin(), findings.end()});
    expect(route.steps.size() == static_cast<size_t>(findings.size()), "a finding that is lost");
    expect(!route.cause || relay::stops(route.stops()->verdict()), "a cause that stops nothing");
    for (const auto& step : route.steps)
      expect(!relay::verdict_name(step.finding.verdict()).empty(), "a verdict without a name");
  }
}

void expect_opened_by_the_page(const proto::Envelope& e, const std::string& header,
                               const std::string& payload) {
  expect(header.size() >= 19 && header.size() <= 524'288 && payload.size() <= 524'288, "a frame too large");
  const std::string checked = header.substr(0, header.size() - 10);
  expect(header == checked + check(checked, payload), "a message whose check does not match");
  expect(header[0] == 9 && e.session() != 0, "a message without its session");
  expect(e.body_case() != proto::Envelope::BODY_NOT_SET, "a message that says nothing");
  expect(payload.empty() || e.has_batch() || e.has_chunk() || e.has_set(),
         "a payload that nothing is said of");
  // Written again it is the same.
  const std::string written = e.SerializeAsString();
  proto::Envelope again;
  expect(proto::open_message(byte_view(written + check(written, payload)), byte_view(payload), &again) ==
                 proto::Opened::kOk &&
             again.SerializeAsString() == written,
         "a message that changes when written and read");
}

// A relay that takes everything, with the sender in session.
struct Receiver {
  int64_t now_ns = 1'000'000'000'000;
  relay::MemStore store{kMaxBytes};
  relay::MemNet net{&now_ns};
  relay::Relay relay{&store, options()};
  std::unique_ptr<relay::Link> sender = net.dial("mem://x", "s");
  uint64_t number = 0;

  Receiver() {
    relay.add(net.bind("mem://x"));
    greet();
  }
  static relay::RelayOptions options() {
    relay::RelayOptions o;
    o.name = "r";
    o.instance = 1;
    o.proxy = true;
    o.random = [] { return uint64_t{1}; };
    return o;
  }
  void greet() {
    static const std::string kHello = [] {
      proto::Hello hello;
      hello.set_least_version(1);
      hello.set_version(1);
      hello.set_instance(99);
      hello.set_origin_id(std::string(16, 'o'));
      hello.set_serves(true);
      return proto::seal_message(kSession, 0, hello);
    }();
    number = 0;
    const uint64_t opened = relay.counters().session.opened;
    send(kHello, "");
    expect(relay.counters().session.opened == opened + 1, "a Hello that begins no session");
  }
  void send(const std::string& header, const std::string& payload) {
    sender->send("", byte_view(header), {nullptr, byte_view(payload)});
    relay.step(now_ns);
    for (relay::Incoming in; sender->receive(&in);) {
      proto::Envelope e;
      expect(proto::open_message(in.header, in.payload, &e) == proto::Opened::kOk,
             "a relay says what is no message");
    }
  }
  bool in_session() const {
    const relay::SessionCounters c = relay.counters().session;
    return c.opened > c.ended;
  }
};

void try_step(const fuzz::Step& s, Receiver* receiver) {
  fuzz::executed();
  std::string header = s.body, payload = s.payload;
  const bool sealed = (s.what & kUnsealed) == 0;
  if (sealed) header += check(header, payload);
  const bool damaged = (s.what & kDamaged) != 0 && !header.empty();
  if (damaged) {
    const size_t at = s.how * 31u % (header.size() + payload.size());
    char& c = at < header.size() ? header[at] : payload[at - header.size()];
    c = static_cast<char>(c ^ 1 << s.how % 8);
  }
  proto::Envelope e;
  const bool good = proto::open_message(byte_view(header), byte_view(payload), &e) == proto::Opened::kOk;
  // Each kind of what is no message ends the session, which takes longer than all the rest: now and then.
  if (!good && s.how % 16 != 0) return;
  const relay::SessionCounters before = receiver->relay.counters().session;
  if (good) {
    expect(!damaged || !sealed, "a damaged message is believed");
    expect_opened_by_the_page(e, header, payload);
    parse(e);
    // As the next one of the session, so that it is not refused for that.
    e.set_session(kSession);
    e.set_number(e.has_hello() || e.has_reset() || e.has_report() ? 0 : ++receiver->number);
    header = e.SerializeAsString();
    header += check(header, payload);
  }
  receiver->send(header, payload);
  const relay::SessionCounters c = receiver->relay.counters().session;
  const uint64_t bad = c.malformed + c.corrupt - before.malformed - before.corrupt;
  expect(bad <= 1 && (good || bad == 1) && c.ended - before.ended <= 1,
         "what is no message is not counted once");
  expect(bad == 0 || c.ended == before.ended + 1, "what is no message does not end the session");
  expect(c.wants <= 1024 && c.requests <= kMaxSteps, "more subscriptions than were said");
  if (!receiver->in_session()) receiver->greet();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Receiver receiver;
  for (const fuzz::Step& s : fuzz::read_script({data, size}, kMaxSteps)) try_step(s, &receiver);
  fuzz::expect_bounds(receiver.store, kMaxBytes);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  static const fuzz::Script kGood = good();
  return fuzz::mutate_script(data, size, max_size, seed, kGood, kMaxSteps, true);
}
