#include "tests/relay/fleet.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <utility>

#include "shm/schema.h"

namespace smt::relay {

namespace {

constexpr size_t kNowhere = SIZE_MAX;

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

Id128 id_of(const std::string& name) {
  Id128 id{};
  uint64_t words[2] = {mix(std::hash<std::string>()(name)), 0};
  words[1] = mix(words[0]);
  memcpy(id.data(), words, sizeof words);
  return id;
}

std::string robot_name(size_t number) { return fmt::format("robot_{:05}", number); }

TopicDescription description(const std::string& robot, size_t topic) {
  static const Schema schema = Schema::scalar(Type::kU64);
  TopicDescription d;
  d.name = fmt::format("{}/topic_{:03}", robot, topic);
  d.schema = std::make_shared<const std::string>(schema.text());
  d.schema_hash = schema.hash();
  d.value_bytes = d.max_bytes = sizeof(uint64_t);
  d.history = 4;
  d.generation = 1;
  d.origin = TopicOrigin{id_of(robot), id_of(robot + " segment"), robot, "domain", "node"};
  return d;
}

RelayOptions robot_options(const std::string& name) {
  RelayOptions o = station_options(name);
  o.send.resize(1);
  return o;
}

RelayOptions proxy_options(const Liveness& liveness) {
  RelayOptions o = station_options("proxy");
  o.liveness = liveness;
  o.send.resize(1);
  o.proxy = true;
  return o;
}

RelayOptions desk_options() {
  RelayOptions o = station_options("desk");
  o.receive.resize(1);
  return o;
}

}  // namespace

RelayOptions station_options(const std::string& name) {
  RelayOptions o;
  o.name = name;
  o.origin_id = id_of(name);
  o.instance = mix(std::hash<std::string>()(name));
  o.random = [state = o.instance]() mutable { return state = mix(state) | 1; };
  return o;
}

Station::Station(RelayOptions options, std::unique_ptr<Link> link)
    : link_(link.get()), relay_(std::make_unique<Relay>(&store_, std::move(options))) {
  relay_->add(std::move(link));
}

void Station::step(int64_t now_ns) {
  do {
    relay_->step(now_ns);
  } while (!relay_->idle());
  due_ns_ = relay_->next_due_ns();
}

uint64_t value_of(size_t robot, size_t topic, uint64_t sequence) {
  return mix(mix(mix(robot) + topic) + sequence);
}

Robot::Robot(size_t number, size_t topics, std::unique_ptr<Link> link)
    : number_(number), station_(robot_options(robot_name(number)), std::move(link)) {
  for (size_t t = 0; t < topics; ++t) {
    const Result<uint32_t> handle = station_.store().open(description(robot_name(number), t), 0);
    if (!handle.ok()) abort();
    topics_.push_back(*handle);
  }
}

void Robot::publish(int64_t now_ns) {
  ++sequence_;
  for (size_t t = 0; t < topics_.size(); ++t) {
    const uint64_t value = value_of(number_, t, sequence_);
    station_.store().put(topics_[t], {sequence_, now_ns, now_ns, now_ns},
                         std::as_bytes(std::span(&value, 1)));
  }
}

Desk::Desk(const FleetSize& size, std::unique_ptr<Link> link)
    : size_(size), station_(desk_options(), std::move(link)), sequences_(size.robots * size.topics, 0) {
  station_.store().on_sample = [this](uint32_t id) { take(id); };
}

void Desk::take(uint32_t id) {
  if (id >= places_.size()) places_.resize(id + 1, kNowhere);
  size_t& place = places_[id];
  if (place == kNowhere) {
    size_t robot = 0, topic = 0;
    const std::string& name = station_.store().topic(id)->name;
    if (sscanf(name.c_str(), "robot_%zu/topic_%zu", &robot, &topic) != 2 || robot >= size_.robots ||
        topic >= size_.topics) {
      ++wrong_;
      return;
    }
    place = robot * size_.topics + topic;
  }
  const uint64_t sequence = station_.store().head(id).sequence;
  const std::span<const std::byte> bytes = station_.store().value(id);
  const uint64_t expected = value_of(place / size_.topics, place % size_.topics, sequence);
  ++values_;
  up_ += sequences_[place] == 0;
  if (sequence < sequences_[place] || bytes.size() != sizeof expected ||
      memcmp(bytes.data(), &expected, sizeof expected) != 0)
    ++wrong_;
  sequences_[place] = sequence;
}

Fleet::Fleet(const FleetSize& size, int64_t period_ns, const Dial& dial, int64_t now_ns)
    : size_(size),
      period_ns_(period_ns),
      began_ns_(now_ns),
      desk_(std::make_unique<Desk>(size, dial("desk"))) {
  for (size_t i = 0; i < size.robots; ++i)
    robots_.push_back(std::make_unique<Robot>(i, size.topics, dial(robot_name(i))));
}

uint64_t Fleet::lost() {
  uint64_t lost = desk_->station().lost();
  for (const auto& robot : robots_) lost += robot->station().lost();
  return lost;
}

uint64_t Fleet::stale() {
  uint64_t stale = 0;
  for (size_t r = 0; r < size_.robots; ++r) {
    for (size_t t = 0; t < size_.topics; ++t) stale += desk_->sequence(r, t) != robots_[r]->published();
  }
  return stale;
}

int64_t Fleet::next_publication_ns() const {
  const auto robots = static_cast<int64_t>(size_.robots), next = static_cast<int64_t>(next_);
  return began_ns_ + next / robots * period_ns_ + next % robots * period_ns_ / robots;
}

void Fleet::publish(int64_t now_ns, const std::function<void(Robot*)>& f) {
  for (; next_publication_ns() <= now_ns; ++next_) {
    Robot* const robot = robots_[next_ % robots_.size()].get();
    robot->publish(now_ns);
    f(robot);
  }
}

MemoryFleet::MemoryFleet(const FleetSize& size, int64_t period_ns, const Liveness& liveness)
    : proxy_(proxy_options(liveness), net_.bind("mem://proxy")) {
  const auto dial = [this](const std::string& name) { return net_.dial("mem://proxy", name); };
  fleet_ = std::make_unique<Fleet>(size, period_ns, dial, now_ns_);
}

uint64_t MemoryFleet::messages() const {
  uint64_t messages = 0;
  const auto add = [&](const std::string& dialer) {
    for (const bool to_proxy : {false, true}) messages += net_.traffic(dialer, to_proxy).messages;
  };
  add("desk");
  for (size_t i = 0; i < fleet_->robots().size(); ++i) add(robot_name(i));
  return messages;
}

void MemoryFleet::step(Station* station) {
  if (station->is_due(now_ns_) || station->link().readable()) station->step(now_ns_);
}

void MemoryFleet::go_on(int64_t until_ns, bool publishes, const std::function<bool()>& done) {
  for (; now_ns_ < until_ns && !done(); now_ns_ += kMs) {
    if (publishes) fleet_->publish(now_ns_, [this](Robot* robot) { robot->station().step(now_ns_); });
    for (const auto& robot : fleet_->robots()) step(&robot->station());
    if (!step_proxy) {
      step(&proxy_);
    } else if (proxy_.is_due(now_ns_) || proxy_.link().readable()) {
      step_proxy(now_ns_);
    }
    step(&fleet_->desk().station());
  }
}

}  // namespace smt::relay
