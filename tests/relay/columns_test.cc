// Topics whose pacing alone says what goes are sent many at once, others one by one: both send the same
// messages and count the same, whatever is published and whatever happens to the link.
#include <memory>
#include <string>
#include <vector>

#include "relay/store/shm_store.h"
#include "shm/node.h"
#include "tests/relay/relay_diary.h"
#include "tests/relay/relay_fixture.h"
#include "tests/temp_folder.h"

namespace smt::relay {
namespace {

struct PacedLoad {
  std::string name;
  std::vector<std::pair<std::string, Pacing>> pacing;  // of topics by their names
};
void PrintTo(const PacedLoad& load, std::ostream* out) { *out << load.name; }

// Where programs publish, for both relays alike.
class Programs {
 public:
  virtual ~Programs() = default;
  virtual void publish(int topic, std::string_view value, int64_t now_ns) = 0;
  virtual void restart(int topic) = 0;  // another program publishes it now
  virtual std::unique_ptr<Store> open_store() = 0;

  static Schema schema_of(int topic) {
    return topic % 3 == 0 ? Schema::bytes() : topic % 3 == 1 ? Schema::scalar(Type::kF64) : Schema::bytes();
  }
  static constexpr int kTopics = 150;
  static constexpr uint64_t kMaxBytes = 400;
  static std::string name_of(int topic) { return "t/" + std::to_string(topic); }
};

class ShmPrograms : public Programs {
 public:
  ShmPrograms() { begin(); }
  void publish(int topic, std::string_view value, int64_t now_ns) override {
    ASSERT_TRUE(
        publishers_[static_cast<size_t>(topic)]->publish(byte_view(value), 7000 + now_ns, now_ns).ok());
  }
  void restart(int topic) override {
    std::unique_ptr<Publisher>& p = publishers_[static_cast<size_t>(topic)];
    p.reset();
    p = advertise(topic);
  }
  std::unique_ptr<Store> open_store() override {
    return std::move(*ShmStore::open(domain_, {.mirror = std::nullopt, .segment_bytes = 1 << 24}));
  }

 private:
  void begin() {
    for (int i = 0; i < kTopics; ++i) publishers_.push_back(advertise(i));
  }
  std::unique_ptr<Publisher> advertise(int topic) {
    TopicOptions o;
    o.name = name_of(topic);
    o.schema = schema_of(topic);
    if (o.schema.size == 0) o.max_bytes = kMaxBytes;
    o.history = topic % 2 == 0 ? 4 : 16;
    return std::make_unique<Publisher>(std::move(*node_->advertise(o)));
  }

  const TempFolder folder_;
  const Domain domain_ = *Domain::open({.root = folder_.path(), .domain = "d"});
  const std::unique_ptr<Node> node_ =
      std::move(*Node::open(domain_, {.name = "n", .segment_bytes = 1 << 24}));
  std::vector<std::unique_ptr<Publisher>> publishers_;
};

class MemPrograms : public Programs {
 public:
  void publish(int topic, std::string_view value, int64_t now_ns) override {
    const uint64_t sequence = ++sequences_[topic];
    for (MemStore* store : stores_) {
      std::optional<uint32_t> id = store->find(name_of(topic));
      if (!id) {
        TopicDescription d =
            describe(name_of(topic), schema_of(topic), kMaxBytes, {make_id(7), make_id(8), "a", "d", "n"});
        d.generation = ++generation_;
        d.history = topic % 2 == 0 ? 4 : 16;
        d.every = true;
        id = *store->open(d, 0);
      }
      ASSERT_EQ(store->put(*id, {sequence, 7000 + now_ns, now_ns, 0}, byte_view(value)), PutResult::kTaken);
    }
  }
  void restart(int topic) override {
    for (MemStore* store : stores_) {
      if (const std::optional<uint32_t> id = store->find(name_of(topic))) store->remove(*id);
    }
  }
  std::unique_ptr<Store> open_store() override {
    auto store = std::make_unique<MemStore>();
    stores_.push_back(store.get());
    return store;
  }

 private:
  std::map<int, uint64_t> sequences_;
  uint64_t generation_ = 0;
  std::vector<MemStore*> stores_;  // their relays' stores
};

class ColumnsTest : public RelayTest, public testing::WithParamInterface<std::tuple<PacedLoad, bool>> {
 protected:
  // A relay that sends, and the hosts that take: all of them as the load says, the last one some topics
  // otherwise.
  struct Side {
    std::string name;
    std::unique_ptr<Store> store;
    std::unique_ptr<Relay> relay;
    std::vector<Host*> to;
    std::vector<std::string> batches;  // with their payloads
    uint64_t sessions = 0;
  };

  // A rule that no sample is too old for has each sample looked at alone.
  void begin(Side* s, const std::string& name, int64_t drop_older_ns) {
    s->name = name;
    s->store = programs_->open_store();
    RelayOptions o;
    o.name = "a";
    o.origin_id = make_id(7);
    o.instance = 1;
    o.send.resize(1);
    o.send[0].drop_older_ns = drop_older_ns;
    o.random = [s] { return ++s->sessions; };
    s->relay = std::make_unique<Relay>(s->store.get(), std::move(o));
    s->relay->add(net(name).bind("mem://" + name));
    more_.push_back(s->relay.get());
    HostOptions to{.serves = false};
    for (const std::string dialer : {"b", "c", "d"}) {
      to.receive.clear();
      if (dialer == "d") to.receive.push_back({{"t/*1"}, {}, 0, Pacing(), 0});
      for (const auto& [topic, pacing] : std::get<PacedLoad>(GetParam()).pacing) {
        to.receive.push_back({{topic}, {}, 0, pacing, 0});
      }
      s->to.push_back(&host(dialer, to));
      dial(*s->to.back(), dialer, name);
    }
    net(name).set_delay(kMs / 2, kMs / 2);
    net(name).hook = [s](MemMessage* m) {
      proto::Envelope e;
      EXPECT_EQ(proto::open_message(byte_view(m->header), byte_view(m->payload), &e), proto::Opened::kOk);
      if (e.has_batch()) s->batches.push_back(m->dialer + e.batch().SerializeAsString() + m->payload);
      return MemNet::Fate::kDeliver;
    };
  }
  void TearDown() override {
    RelayTest::TearDown();
    more_.clear();
    for (Side* s : {&rows_, &columns_}) s->relay.reset();
  }

  uint64_t any(uint64_t below) { return random_() % below; }
  // Numbers that drift, texts of which two follow each other often.
  std::string value_of(int topic) {
    if (Programs::schema_of(topic).size != 0) {
      const double number = static_cast<double>(any(40)) / 10;
      return std::string(reinterpret_cast<const char*>(&number), sizeof number);
    }
    return std::string(topic % 7 == 0 ? 390 : 5 + any(2), static_cast<char>('a' + any(2)));
  }
  void publish(uint64_t max_each) {
    for (int topic = 0; topic < Programs::kTopics; ++topic) {
      for (uint64_t n = any(max_each + 1); n > 0; --n) programs_->publish(topic, value_of(topic), now_);
    }
  }
  // The same happens to both.
  void happen(int round) {
    for (Side* s : {&rows_, &columns_}) {
      if (round % 40 == 20) net(s->name).set_room(0);
      if (round % 40 == 21) net(s->name).set_room(1000);
      if (round == 90) net(s->name).cut("b");
      if (round == 95) net(s->name).heal("b");
      if (round == 500) s->to[1]->relay().get(all(), false, now_, kSecond);
      if (round == 600) s->relay->hang_up("now");
    }
    if (round % 50 == 30) programs_->restart(static_cast<int>(any(Programs::kTopics)));
  }
  static std::vector<uint64_t> counts(const Side& s) {
    const OutboundCounters c = s.relay->counters().outbound;
    return {
        c.publications,        c.samples,   c.batches,         c.chunks,      c.payload_bytes, c.superseded,
        c.passed_over_by_rate, c.unchanged, c.dropped_too_old, c.overwritten, c.refused};
  }

  std::mt19937 random_{17};
  std::unique_ptr<Programs> programs_;
  Side rows_, columns_;
};

TEST_P(ColumnsTest, ManyAtOnceAndOneByOneSendTheSame) {
  if (std::get<bool>(GetParam())) {
    programs_ = std::make_unique<ShmPrograms>();
  } else {
    programs_ = std::make_unique<MemPrograms>();
  }
  begin(&rows_, "rows", 3600 * kSecond);
  begin(&columns_, "columns", 0);
  for (int round = 0; round < 700; ++round, now_ += kMs) {
    if (round % 3 != 0) publish(round % 100 < 60 ? 2 : 9);
    happen(round);
    settle();
    ASSERT_EQ(rows_.batches.size(), columns_.batches.size()) << round;
    for (size_t i = 0; i < rows_.batches.size(); ++i)
      ASSERT_EQ(rows_.batches[i], columns_.batches[i]) << round;
    rows_.batches.clear();
    columns_.batches.clear();
    ASSERT_EQ(counts(rows_), counts(columns_)) << round;
  }
  run(3 * kSecond, 10 * kMs);
  EXPECT_EQ(counts(rows_), counts(columns_));
  EXPECT_GT(columns_.relay->counters().outbound.samples, 10'000u);
  for (int topic = 0; topic < Programs::kTopics; ++topic) {
    const std::string name = Programs::name_of(topic);
    for (size_t k = 0; k < rows_.to.size(); ++k) {
      ASSERT_EQ(rows_.to[k]->value(name), columns_.to[k]->value(name)) << name;
      ASSERT_EQ(rows_.to[k]->head(name).sequence, columns_.to[k]->head(name).sequence) << name;
      ASSERT_EQ(rows_.to[k]->head(name).stamp_ns, columns_.to[k]->head(name).stamp_ns) << name;
    }
  }
}

const PacedLoad kLoads[] = {
    {"latest", {{"**", {}}}},
    {"rate", {{"**", {.period_ns = 5 * kMs}}}},
    {"one_of", {{"**", {.one_of = 3}}}},
    {"on_change", {{"**", {.on_change = true}}}},
    {"heartbeat", {{"**", {.on_change = true, .heartbeat_ns = 20 * kMs}}}},
    {"deadband", {{"**", {.on_change = true, .deadband = 1.5}}}},
    {"rate_on_change", {{"**", {.period_ns = 4 * kMs, .on_change = true}}}},
    {"every", {{"**", {.every = true}}}},
    {"each_otherwise",
     {{"t/*1", {.every = true}},
      {"t/*2", {.on_change = true}},
      {"t/*3", {.period_ns = 5 * kMs}},
      {"t/*4", {.one_of = 2}},
      {"t/*5", {.every = true, .priority = Priority::kHigh}},
      {"**", {}}}},
};
INSTANTIATE_TEST_SUITE_P(Loads, ColumnsTest, testing::Combine(testing::ValuesIn(kLoads), testing::Bool()),
                         [](const auto& load) {
                           return std::get<PacedLoad>(load.param).name +
                                  (std::get<bool>(load.param) ? "_shm" : "_mem");
                         });

}  // namespace
}  // namespace smt::relay
