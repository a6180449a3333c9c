#include "tests/compat/scenes.h"

#include <fmt/format.h>

#include <cstring>

#include "shm/fnv1a.h"
#include "tests/relay/store/relay_description.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::relay {

namespace {

Id128 id_of(uint8_t first) {
  Id128 id{};
  id[0] = first;
  return id;
}

std::string_view bytes_in(const double& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Schema schema_of_topic(const std::string& topic) {
  if (topic.ends_with("/number") || topic.starts_with("set/")) return Schema::scalar(Type::kF64);
  if (topic.ends_with("/pose"))
    return {"Pose", 16, {{"x", Type::kF64, 0, 1, "m"}, {"n", Type::kU32, 8, 2, ""}}};
  return Schema::bytes();
}

ReceiveRule rule(const std::string& pattern, const Pacing& pacing = {}) {
  ReceiveRule r;
  r.topic = {pattern};
  r.pacing = pacing;
  return r;
}

Scene modes() {
  Scene s{.name = "modes", .ms = 800};
  s.pub = [](int64_t ms, int64_t now_ns, Side* side) {
    if (ms % 5 != 0 || ms > 600) return;
    const double step = static_cast<double>(ms / 50);
    for (const char* mode : {"latest", "every", "period", "tick", "one_of"}) {
      std::string pose(16, '\0');
      memcpy(pose.data(), &ms, sizeof ms);
      side->publish(fmt::format("{}/pose", mode), pose, now_ns);
    }
    side->publish("change/number", bytes_in(step), now_ns);
    side->publish("urgent", std::string(static_cast<size_t>(ms % 40), 'u'), now_ns);
    if (ms == 200) side->report("latest/pose", State::kSourceDead);
    if (ms == 400) side->report("latest/pose", State::kFresh);
    if (ms == 300) side->publish("gone", "soon", now_ns);
    if (ms == 500) side->remove("gone");
  };
  s.receive = {rule("latest/**"),
               rule("every/**", {.every = true}),
               rule("period/**", {.period_ns = 20 * kMs}),
               rule("tick/**", {.period_ns = 50 * kMs, .tick = true}),
               rule("one_of/**", {.one_of = 4}),
               rule("change/**", {.on_change = true, .deadband = 1.5, .heartbeat_ns = 300 * kMs}),
               rule("urgent", {.priority = Priority::kUrgent}),
               rule("gone", {.priority = Priority::kLow})};
  return s;
}

// Values in pieces, beside small ones.
Scene large(const std::string& name, bool compress) {
  Scene s{.name = name, .ms = 600};
  s.pub = [](int64_t ms, int64_t now_ns, Side* side) {
    if (ms % 300 == 0) {
      std::string value;
      for (int64_t i = 0; value.size() < 600'000; ++i) value += std::to_string((ms + i) % 500) + ' ';
      side->publish("scan", value, now_ns);
    }
    if (ms % 10 == 0) side->publish("beside", std::to_string(ms), now_ns);
  };
  s.receive = {rule("**")};
  s.link.compress = compress;
  return s;
}

// Each sample counts, and the connection ends for a while.
Scene resume() {
  Scene s{.name = "resume", .ms = 1500};
  s.pub = [](int64_t ms, int64_t now_ns, Side* side) {
    if (ms % 5 == 0 && ms < 1200) side->publish("every/text", "sample " + std::to_string(ms), now_ns);
    if (ms % 5 == 0 && ms < 1200) side->publish("latest", std::to_string(ms), now_ns);
  };
  s.receive = {rule("every/**", {.every = true}), rule("latest")};
  s.cut_ms = 300;
  s.heal_ms = 700;
  return s;
}

// Peers that say little and are patient.
Scene heartbeats() {
  Scene s{.name = "heartbeats", .ms = 5000};
  s.pub = [](int64_t ms, int64_t now_ns, Side* side) {
    if (ms == 0 || ms == 3500) side->publish("seldom", std::to_string(ms), now_ns);
  };
  s.receive = {rule("**")};
  s.liveness = {.heartbeat_ns = kSecond, .patience_ns = 3 * kSecond};
  return s;
}

void ask(int64_t ms, int64_t now_ns, Side* side) {
  Relay& relay = side->relay();
  if (ms == 300) side->get = relay.get({{{"kept/**"}, {}, 0}}, false, now_ns, kSecond);
  if (ms == 400) {
    const GetResult got = relay.get_result(side->get);
    side->answers.push_back(fmt::format("get: {} topics of {} peers", got.topics, got.peers));
    side->get = relay.get({{{"**"}, {}, 0}}, true, now_ns, kSecond);
  }
  if (ms == 500) {
    const GetResult got = relay.get_result(side->get);
    side->answers.push_back(fmt::format("list: {} topics of {} peers", got.topics, got.peers));
    side->trace = relay.trace("kept/pose", now_ns, kSecond);
  }
  if (ms == 600) {
    const TraceResult traced = relay.trace_result(side->trace);
    for (const proto::Finding& f : traced.findings) side->answers.push_back("trace: " + f.relay());
    side->set = relay.set({.topic = "set/x", .holder_name = "anna"}, now_ns, kSecond);
  }
  if (ms != 700 && ms != 800) return;
  const SetResult done = relay.set_result(side->set);
  for (const proto::SetAnswer& a : done.answers)
    side->answers.push_back(fmt::format("set: {} {}", a.relay(), proto::SetOutcome_Name(a.outcome())));
  if (ms == 800 || done.answers.empty()) return;
  SetRequest wish{.kind = proto::SET_VALUE, .topic = "set/x", .target = done.answers[0].instance()};
  wish.schema_hash = Schema::scalar(Type::kF64).hash();
  wish.holder_name = "anna";
  const double value = 2.5;
  wish.value.assign(byte_view(bytes_in(value)).begin(), byte_view(bytes_in(value)).end());
  side->set = relay.set(wish, now_ns, kSecond);
}

Scene requests() {
  Scene s{.name = "requests", .ms = 1000};
  s.pub = [](int64_t ms, int64_t now_ns, Side* side) {
    if (ms != 0) return;
    for (const char* topic : {"kept/pose", "kept/other/pose"})
      side->publish(topic, std::string(16, 'k'), now_ns);
    side->publish("other", "o", now_ns);
  };
  s.sub = ask;
  return s;
}

}  // namespace

std::string told(uint64_t sequence, std::string_view value) {
  if (value.size() > 64) return fmt::format("{} {} bytes {:016x}", sequence, value.size(), fnv1a(value));
  std::string hex;
  for (const unsigned char c : value) hex += fmt::format("{:02x}", c);
  return fmt::format("{} {}", sequence, hex);
}

Side::Side(const Scene& scene, bool pub) {
  store_.on_sample = [this, pub](uint32_t id) {
    const std::string& name = store_.topic(id)->name;
    if (pub && !name.starts_with("set/")) return;  // its own
    const std::span<const std::byte> value = store_.value(id);
    const std::string text =
        told(store_.head(id).sequence, {reinterpret_cast<const char*>(value.data()), value.size()});
    if (came[name].empty() || came[name].back() != text) came[name].push_back(text);
  };
  RelayOptions o;
  o.name = pub ? "robot" : "base";
  o.origin_id = id_of(pub ? 1 : 2);
  o.instance = pub ? 1001 : 1002;
  if (pub) {
    o.send.emplace_back();
    WriteRule& write = o.write.emplace_back();
    write.topic = {"set/x"};
    write.type = "f64";
    o.write_node = "set-robot";
  } else {
    o.receive = scene.receive;
  }
  o.liveness = scene.liveness;
  o.random = [this] { return 7'000'000 + ++sessions_; };
  relay_ = std::make_unique<Relay>(&store_, std::move(o));
}

void Side::publish(const std::string& topic, std::string_view value, int64_t now_ns) {
  std::optional<uint32_t> handle = store_.find(topic);
  if (!handle) {
    TopicDescription d = describe(topic, schema_of_topic(topic), 1 << 20,
                                  {id_of(1), id_of(101), "robot", "default", "driver"});
    d.generation = 1;
    d.history = 256;
    d.every = true;
    handle = *store_.open(d, 0);
  }
  store_.put(*handle, {store_.head(*handle).sequence + 1, 7000 + now_ns, now_ns, 0}, byte_view(value));
}

std::vector<Scene> scenes() {
  return {modes(), large("large", false), large("packed", true), resume(), heartbeats(), requests()};
}

}  // namespace smt::relay
