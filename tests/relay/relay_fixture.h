// Hosts with a relay each, joined by MemLinks, under a clock that the test moves.
#ifndef SMT_TESTS_RELAY_RELAY_FIXTURE_H_
#define SMT_TESTS_RELAY_RELAY_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec.h"
#include "relay/relay.h"
#include "relay/store/mem_store.h"
#include "shm/schema.h"
#include "tests/relay/link_mem.h"
#include "tests/relay/store/relay_description.h"
#include "tests/relay/wire_topic.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::relay {

inline Id128 make_id(uint8_t first) {
  Id128 id{};
  id[0] = first;
  return id;
}

struct HostOptions {
  std::vector<Subscription> receive = {};  // of a proxy: what it keeps
  bool serves = true;
  bool proxy = false;
  std::vector<std::string> send = {"**"};
  std::string prefix = {};
  std::vector<SendRule> send_rules = {};        // instead of `send`
  std::vector<ReceiveRule> receive_rules = {};  // instead of `receive` and `prefix`
  LinkOptions link = {};
  uint32_t history = 0;  // slots of each topic that is published here; 0: the newest only
  int64_t clock_ns = 0;  // ahead of the test's clock
  uint8_t origin = 0;    // 0: one of its own
  AccessRules access = {};
  Liveness liveness = {};
  std::function<uint64_t()> random = {};  // in place of numbers that count up
};

// A relay, its memory, and the programs that publish there.
class Host {
 public:
  Host(std::string name, uint8_t number, HostOptions options)
      : name_(std::move(name)), number_(number), options_(std::move(options)) {
    start();
  }
  // The process begins anew; its memory stays, as shared memory does, unless it is a proxy's.
  void start() {
    relay_.reset();
    const std::unique_ptr<MemStore> before = std::exchange(store_, std::make_unique<MemStore>());
    for (uint32_t id = 0; !options_.proxy && id < before->topic_limit(); ++id) {
      if (before->topic(id) == nullptr) continue;
      store_->put(*store_->open(*before->topic(id), 0), before->head(id), before->value(id));
    }
    RelayOptions o;
    o.name = name_;
    o.origin_id = origin();
    o.instance = number_ + 1000 * ++starts_;
    o.send = send_rules();
    o.receive = receive_rules();
    if (options_.proxy) o.cache = options_.receive;
    o.proxy = options_.proxy;
    o.access = options_.access;
    o.liveness = options_.liveness;
    o.random = options_.random;
    if (!o.random) o.random = [this] { return uint64_t{number_} << 32 | ++sessions_; };
    o.log = [this](Severity, const MessageKey& key, const std::string& text) {
      ++logged[key.thing];
      told[key.thing] = text;
    };
    relay_ = std::make_unique<Relay>(store_.get(), std::move(o));
    for (const auto& make : links_) relay_->add(make(), options_.link);
  }
  void stop() { relay_.reset(); }
  std::vector<SendRule> send_rules() const {
    if (!options_.serves || !options_.send_rules.empty()) return options_.send_rules;
    SendRule rule;
    rule.topic = options_.send;
    return {rule};
  }
  std::vector<ReceiveRule> receive_rules() const {
    std::vector<ReceiveRule> rules = options_.receive_rules;
    if (options_.proxy || !rules.empty()) return rules;
    for (const Subscription& s : options_.receive) {
      ReceiveRule& rule = rules.emplace_back();
      rule.topic = s.topic;
      rule.exclude = s.exclude;
      rule.pacing = s.pacing;
      rule.prefix = options_.prefix;
    }
    return rules;
  }
  void add(std::function<std::unique_ptr<Link>()> make) {
    links_.push_back(make);
    if (relay_ != nullptr) relay_->add(make(), options_.link);
  }

  using MakeLink = std::function<std::unique_ptr<Link>()>;
  // Several addresses of one peer.
  void add_alternatives(std::vector<MakeLink> make, AddressOrder order = AddressOrder::kListed) {
    std::vector<std::unique_ptr<Link>> links;
    for (const MakeLink& m : make) links.push_back(m());
    relay_->add(std::move(links), options_.link, order);
  }

  const std::string& name() const { return name_; }
  Relay& relay() { return *relay_; }
  bool runs() const { return relay_ != nullptr; }
  MemStore& store() { return *store_; }
  Counters counters() const { return relay_->counters(); }
  Id128 origin() const { return make_id(options_.origin != 0 ? options_.origin : number_); }
  int64_t clock_ns() const { return options_.clock_ns; }

  // --- a program on this host
  TopicDescription topic(const std::string& name, const Schema& schema = Schema::bytes(),
                         uint64_t max_bytes = 0) const {
    TopicDescription d = describe(name, schema, max_bytes,
                                  {origin(), make_id(static_cast<uint8_t>(100 + number_)), name_, "d", "n"});
    d.generation = 1;
    d.history = options_.history;
    d.every = options_.history != 0;
    return d;
  }
  // The next sequence, or the one given.
  void publish(const std::string& name, std::string_view value, int64_t now_ns, uint64_t sequence = 0) {
    const std::optional<uint32_t> known = store_->find(name);
    const uint32_t handle = known ? *known : *store_->open(topic(name, Schema::bytes(), value.size()), 0);
    if (sequence == 0) sequence = store_->head(handle).sequence + 1;
    EXPECT_EQ(store_->put(handle, {sequence, 7000 + now_ns, now_ns + clock_ns(), 0}, byte_view(value)),
              PutResult::kTaken);
  }
  void remove(const std::string& name) { store_->remove(*store_->find(name)); }

  // --- a program that reads
  std::string value(const std::string& name) const {
    const std::optional<uint32_t> id = store_->find(name);
    if (!id) return "(no topic)";
    if (store_->head(*id).sequence == 0) return "(no sample)";
    const std::span<const std::byte> v = store_->value(*id);
    return std::string(reinterpret_cast<const char*>(v.data()), v.size());
  }
  SampleHead head(const std::string& name) const {
    const std::optional<uint32_t> id = store_->find(name);
    return id ? store_->head(*id) : SampleHead{};
  }
  const TopicDescription* described(const std::string& name) const {
    const std::optional<uint32_t> id = store_->find(name);
    return id ? store_->topic(*id) : nullptr;
  }
  State state(const std::string& name) const {
    const std::optional<uint32_t> id = store_->find(name);
    return id ? store_->reported_state(*id) : State::kRemoved;
  }
  int64_t age_ns(const std::string& name, int64_t now_ns) const {
    return now_ns + clock_ns() - head(name).born_ns;
  }

  std::map<std::string, int> logged;        // by key
  std::map<std::string, std::string> told;  // the last text

 private:
  const std::string name_;
  const uint8_t number_;
  const HostOptions options_;
  std::unique_ptr<MemStore> store_ = std::make_unique<MemStore>();
  std::unique_ptr<Relay> relay_;
  std::vector<std::function<std::unique_ptr<Link>()>> links_;
  uint64_t starts_ = 0, sessions_ = 0;
};

// What a test says by hand in place of a relay, over the end of a link that dials.
class Stranger {
 public:
  Stranger(MemNet& net, const std::string& name) : link_(net.dial("mem://x", name)) { link_->redial(); }

  proto::Hello hello(uint64_t instance = 99) const {
    proto::Hello h;
    h.set_least_version(1);
    h.set_version(1);
    h.set_instance(instance);
    h.set_origin_id(std::string(16, 'o'));
    h.set_name("stranger");
    h.set_serves(true);
    return h;
  }
  template <class Body>
  void say(uint64_t number, const Body& body) {
    send(proto::seal_message(session, number, body), "");
  }
  void say_batch(uint64_t number, const proto::Batch& body, std::string_view payload) {
    send(proto::seal_message(session, number, proto::Envelope::kBatchFieldNumber, body.SerializeAsString(),
                             proto::payload_hash(byte_view(payload))),
         payload);
  }
  void send(std::string_view header, std::string_view payload) {
    Frame frame;
    std::shared_ptr<std::byte[]> room = Frame::room(payload.size());
    memcpy(room.get(), payload.data(), payload.size());
    frame.bytes = {room.get(), payload.size()};
    frame.block = room;
    link_->send("", byte_view(header), frame);
  }
  // All that has come since the last call.
  std::vector<proto::Envelope> hear() {
    std::vector<proto::Envelope> out;
    for (Incoming in; link_->receive(&in);) {
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(in.header, in.payload, &e), proto::Opened::kOk);
      out.push_back(e);
    }
    return out;
  }
  Link& link() { return *link_; }
  uint64_t session = 4711;

 private:
  std::unique_ptr<Link> link_;
};

class RelayTest : public testing::Test {
 protected:
  // Hooks look at what the test's body had; the hosts still say goodbye after it.
  void TearDown() override {
    for (auto& [name, net] : nets_) net->hook = nullptr;
  }

  // Bytes that do not shrink.
  std::string make_noise(size_t bytes) {
    std::string out(bytes, '\0');
    for (char& c : out) c = static_cast<char>(noise_());
    return out;
  }
  static std::vector<Subscription> all() { return {{{"**"}, {}, 0}}; }
  static HostOptions subscriber() { return {.receive = all(), .serves = false}; }
  static std::vector<Subscription> only(const std::string& pattern) { return {{{pattern}, {}, 0}}; }

  MemNet& net(const std::string& name = "a") {
    auto& n = nets_[name];
    if (n == nullptr) n = std::make_unique<MemNet>(&now_);
    return *n;
  }
  Host& host(const std::string& name, HostOptions options = {}) {
    return hosts_.emplace_back(name, static_cast<uint8_t>(hosts_.size() + 1), std::move(options));
  }
  void bind(Host& h, const std::string& net_name = "a") {
    h.add([this, net_name] { return net(net_name).bind("mem://" + net_name); });
  }
  void dial(Host& h, const std::string& dialer, const std::string& net_name = "a") {
    h.add([this, dialer, net_name] { return net(net_name).dial("mem://" + net_name, dialer); });
  }
  // A source that binds and a mirror that dials it as "b".
  void pair(HostOptions source = {}, HostOptions mirror = subscriber()) {
    a_ = &host("a", std::move(source));
    b_ = &host("b", std::move(mirror));
    bind(*a_);
    dial(*b_, "b");
  }
  // A robot that dials, a proxy that binds on both nets, and one subscriber that dials as "b".
  void chain(HostOptions mirror = subscriber(), HostOptions proxy = {}) {
    proxy.proxy = true;
    a_ = &host("a");
    p_ = &host("p", std::move(proxy));
    b_ = &host("b", std::move(mirror));
    bind(*p_, "up");
    bind(*p_, "down");
    dial(*a_, "a", "up");
    dial(*b_, "b", "down");
  }

  // All that can happen at this instant happens.
  void settle() {
    for (int i = 0; i < 1000; ++i) {
      size_t messages = 0;
      for (Host& h : hosts_) {
        if (h.runs()) messages += h.relay().step(now_ + h.clock_ns());
      }
      for (Relay* relay : more_) messages += relay->step(now_);
      if (messages == 0) return;
    }
    ADD_FAILURE() << "does not come to rest";
  }
  void run(int64_t ns, int64_t tick_ns = kMs) {
    for (const int64_t end = now_ + ns; now_ < end; now_ += tick_ns) settle();
    settle();
  }
  // Ten seconds of the clock are enough for anything.
  testing::AssertionResult until(const std::function<bool()>& condition, int64_t within_ns = 10 * kSecond) {
    const int64_t begin = now_;
    for (settle(); !condition(); settle()) {
      if (now_ - begin > within_ns) return testing::AssertionFailure() << "not within the time";
      now_ += kMs;
    }
    took_ns_ = now_ - begin;
    return testing::AssertionSuccess();
  }
  testing::AssertionResult until(Host& h, const std::string& topic, const std::string& value) {
    return until([&] { return h.value(topic) == value; }) << topic << " is " << h.value(topic).substr(0, 40);
  }

  int64_t now_ = 1'000'000 * kSecond;
  int64_t took_ns_ = 0;  // by the last Until
  std::map<std::string, std::unique_ptr<MemNet>> nets_;
  std::list<Host> hosts_;
  std::vector<Relay*> more_;  // over stores of the test's own
  Host *a_ = nullptr, *b_ = nullptr, *p_ = nullptr;
  std::mt19937 noise_{3};
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_RELAY_FIXTURE_H_
