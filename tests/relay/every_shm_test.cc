// Topics of which each sample is wanted, from shared memory into shared memory.
#include <algorithm>
#include <optional>

#include "relay/relay.h"
#include "relay/store/shm_store.h"
#include "shm/clock.h"
#include "tests/relay/link_mem.h"
#include "tests/shm/shm_fixture.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

// Shared memory at both ends, and a third machine that reads the second one's mirror.
class EveryShmTest : public ShmTest {
 protected:
  struct Machine {
    Domain domain;
    std::unique_ptr<Store> store;
    std::unique_ptr<Relay> relay;
  };
  Machine begin(const std::string& name, bool serves, bool takes) {
    Machine m{*Domain::open({.root = root_, .domain = name}), nullptr, nullptr};
    Result<std::unique_ptr<Store>> store = ShmStore::open(
        m.domain,
        {.mirror = takes ? std::optional<std::string>("m") : std::nullopt, .segment_bytes = 1 << 24});
    EXPECT_TRUE(store.ok()) << store.status().message();
    m.store = std::move(*store);
    RelayOptions o;
    o.name = name;
    o.origin_id = *m.domain.origin_id();
    o.instance = ++instances_;
    if (serves) o.send.resize(1);
    if (takes) {
      o.receive.resize(1);
      o.receive[0].pacing.every = true;
    }
    o.random = [this] { return ++sessions_; };
    m.relay = std::make_unique<Relay>(m.store.get(), std::move(o));
    return m;
  }
  void settle() {
    for (int i = 0; i < 1000; ++i) {
      size_t messages = 0;
      for (Machine* m : machines_) messages += m->relay->step(now_);
      if (messages == 0) return;
    }
    ADD_FAILURE() << "does not come to rest";
  }
  void publish(uint64_t n) {
    for (uint64_t i = 0; i < n; ++i) {
      const std::string text = std::to_string(1'000'000 + ++published_);
      SMT_ASSERT_OK(publisher_->publish(std::as_bytes(std::span(text)), 5, now_));
    }
  }
  testing::AssertionResult reads(Reader& reader, std::vector<uint64_t>* got, uint64_t last) {
    for (int i = 0; i < 5000; ++i, now_ += kMs) {
      settle();
      while (const Sample* s = reader.next()) {
        if (text_of(s) != std::to_string(1'000'000 + s->sequence))
          return testing::AssertionFailure() << s->sequence << " is " << text_of(s);
        got->push_back(s->sequence);
      }
      if (!got->empty() && got->back() == last) return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "ends at " << (got->empty() ? 0 : got->back());
  }

  int64_t now_ = boottime_ns();
  MemNet up_{&now_}, down_{&now_};
  std::vector<Machine*> machines_;
  std::unique_ptr<Node> node_;
  std::optional<Publisher> publisher_;  // goes before it
  uint64_t published_ = 0, instances_ = 0, sessions_ = 0;
};

TEST_F(EveryShmTest, AMirrorOfAMirrorHasEachSampleOfTheRingThroughEveryInterruption) {
  node_ = open_node(*Domain::open({.root = root_, .domain = "robot"}), "driver");
  publisher_.emplace(advertise(*node_, "x", {.schema = Schema::bytes(), .max_bytes = 16, .history = 256}));
  publish(1000);  // nobody is there: the mirror's first position is not its first sequence
  Machine robot = begin("robot", true, false), base = begin("base", true, true),
          desk = begin("desk", false, true);
  machines_ = {&robot, &base, &desk};
  robot.relay->add(up_.bind("mem://up"));
  base.relay->add(up_.dial("mem://up", "base"));
  base.relay->add(down_.bind("mem://down"));
  desk.relay->add(down_.dial("mem://down", "desk"));
  for (int i = 0; i < 100; ++i, now_ += kMs) settle();

  Reader at_base = open_reader(base.domain, "x"), at_desk = open_reader(desk.domain, "x");
  std::vector<uint64_t> base_got, desk_got;
  const auto catch_up = [&] {
    ASSERT_TRUE(reads(at_base, &base_got, published_));
    ASSERT_TRUE(reads(at_desk, &desk_got, published_));
  };
  publish(10);
  ASSERT_NO_FATAL_FAILURE(catch_up());
  for (int i = 0; i < 50; ++i) {
    publish(5);
    ASSERT_NO_FATAL_FAILURE(catch_up());
  }
  // The upper link breaks: all but 256 of 961 are lost; and then the lower one: none is.
  up_.cut("base");
  for (int i = 0; i < 961; ++i, now_ += kMs) publish(1), settle();
  up_.heal("base");
  down_.cut("desk");
  for (int i = 0; i < 700; ++i, now_ += kMs) settle();
  down_.heal("desk");
  ASSERT_NO_FATAL_FAILURE(catch_up());
  for (const std::vector<uint64_t>* got : {&base_got, &desk_got}) {
    EXPECT_TRUE(std::is_sorted(got->begin(), got->end(), std::less_equal<>())) << "rising";
    // All but those that the ring of 256 had lost.
    EXPECT_EQ(got->back() - got->front() + 1 - got->size(), 961u - 256u);
  }
  EXPECT_GT(at_desk.freshness().hops, at_base.freshness().hops);
}

}  // namespace
}  // namespace smt::relay
