// The mirrors of a domain: which node a relay without a name takes, and what stays in a mirror that is taken
// over.
#include "relay/store/shm_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "shm/schema.h"
#include "tests/eventually.h"
#include "tests/relay/store/relay_description.h"
#include "tests/shm/shm_fixture.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ShmStores : public ShmTest {
 protected:
  std::unique_ptr<Store> open_store(std::optional<std::string> mirror = "",
                                    std::vector<ReceiveRule> rules = {}) const {
    Result<std::unique_ptr<Store>> store = ShmStore::open(
        domain_, {.mirror = std::move(mirror), .receive = std::move(rules), .segment_bytes = 1 << 22});
    EXPECT_TRUE(store.ok()) << store.status().message();
    return store.ok() ? std::move(*store) : nullptr;
  }
  static Result<uint32_t> open_topic(Store& store, const std::string& name) {
    TopicDescription d = describe(name, Schema::bytes(), 100, {{1}, {2}, "robot", "d", "n"});
    d.hops = 1;
    return store.open(d, 9);
  }
  static void receive(Store& store, const std::string& name) {
    const Result<uint32_t> topic = open_topic(store, name);
    ASSERT_TRUE(topic.ok()) << topic.status().message();
    const int64_t now = boottime_ns();
    const PutResult put = store.put(*topic, {static_cast<uint64_t>(now), 0, now, now}, {});
    EXPECT_EQ(put, PutResult::kTaken);
    store.flush(now);
  }
  std::vector<std::string> topics_of(const std::string& node) const {
    const std::shared_ptr<SegmentView> view = *SegmentView::open(domain_, node);
    std::vector<std::string> names;
    for (uint32_t i = 0; i < view->topic_limit(); ++i) {
      if (const std::optional<TopicView> topic = view->topic(i)) names.push_back(topic->name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  bool alive(const std::string& node) const { return (*SegmentView::open(domain_, node))->owner_alive(); }

  const Domain domain_ = open_domain();
};

TEST_F(ShmStores, AMirrorWithoutANameTakesTheLowestNumberThatIsFree) {
  std::unique_ptr<Store> first = open_store(), second = open_store();
  receive(*first, "a");
  EXPECT_THAT(*domain_.nodes(), ElementsAre("mirror-1", "mirror-2"));
  first.reset();
  EXPECT_FALSE(alive("mirror-1"));
  std::unique_ptr<Store> third = open_store();
  EXPECT_TRUE(alive("mirror-1"));
  EXPECT_THAT(*domain_.nodes(), ElementsAre("mirror-1", "mirror-2"));
  EXPECT_THAT(topics_of("mirror-1"), ElementsAre("a")) << "its predecessor's, until it is received again";
  const std::unique_ptr<Store> named = open_store("base");
  EXPECT_THAT(*domain_.nodes(), ElementsAre("mirror-1", "mirror-2", "mirror-base"));
  EXPECT_EQ(ShmStore::open(domain_, {.mirror = "base"}).status().code(), Code::kInUse);
}

TEST_F(ShmStores, AValueThatItsWriterPublishedWithoutRingingIsFoundAllTheSame) {
  std::unique_ptr<Node> node = open_node(domain_, "n");
  Publisher p = advertise(*node, "x");
  publish_value(p, "first");
  const std::unique_ptr<Store> store = open_store();
  Changes changes;
  int64_t now = boottime_ns();
  const auto look = [&] {
    changes.clear();
    now += 200'000'000;
    store->collect(now, &changes);
    return changes.updated.count();
  };
  EXPECT_EQ(look(), 1u);
  EXPECT_EQ(look(), 0u);
  Burst burst;  // rings when it is over; a writer may be killed before
  const std::string value = "second";
  ASSERT_TRUE(burst.publish(p, std::as_bytes(std::span(value)), {0, now, now, now}).ok());
  EXPECT_EQ(look(), 1u);
  EXPECT_EQ(look(), 0u);
}

TEST_F(ShmStores, TopicsOfEachNodeMoveWhateverTheirIds) {
  std::mt19937 random(1);
  std::vector<std::unique_ptr<Node>> nodes;
  std::map<std::string, Publisher> publishers;
  Changes changes;
  int64_t now = boottime_ns();
  for (const int topics : {5, 150, 70, 1}) {
    nodes.push_back(open_node(domain_, "n" + std::to_string(nodes.size())));
    for (int i = 0; i < topics; ++i) {
      const std::string name = nodes.back()->name() + "/" + std::to_string(i);
      publishers.emplace(name, advertise(*nodes.back(), name));
    }
  }
  const std::unique_ptr<Store> store = open_store();  // it finds all of these nodes
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> published, updated;
    for (auto& [name, publisher] : publishers) {
      if (random() % 3 == 0) publish_value(publisher, "x"), published.insert(name);
    }
    if (round % 20 == 10) {  // ids and indexes that are free are given anew
      for (int i = 0; i < 10; ++i) {
        const auto gone = std::next(publishers.begin(), random() % publishers.size());
        const std::string name = gone->first;
        published.erase(name);
        publishers.erase(gone);
        Node& node = *nodes[random() % nodes.size()];
        publishers.emplace(name, advertise(node, name));
      }
      changes.clear();
      store->collect(now += 200'000'000, &changes);
    }
    changes.clear();
    store->collect(now += 200'000'000, &changes);
    changes.updated.for_each([&](uint32_t id) { updated.insert(store->topic(id)->name); });
    if (round == 0 || round % 20 == 10) continue;  // topics that are new are updated too
    std::vector<std::string> wrong;
    std::set_symmetric_difference(updated.begin(), updated.end(), published.begin(), published.end(),
                                  std::back_inserter(wrong));
    ASSERT_THAT(wrong, ElementsAre()) << round;
  }
}

TEST_F(ShmStores, OfTwoWritersTheOneWithTheYoungerSampleIsFollowedUntilOneIsLeft) {
  std::unique_ptr<Node> nodes[] = {open_node(domain_, "a"), open_node(domain_, "b")};
  std::optional<Publisher> publishers[] = {advertise(*nodes[0], "x"), advertise(*nodes[1], "x")};
  const std::unique_ptr<Store> store = open_store();
  int64_t now = boottime_ns();
  // The value that is read, and whose it is as the store says, with how many others.
  const auto look = [&]() -> std::string {
    Changes changes;
    store->collect(now += 200'000'000, &changes);
    if (store->topic(0) == nullptr) return "gone";
    SampleHead head;
    std::vector<std::byte> room(store->topic(0)->max_bytes);
    uint64_t bytes = 0;
    if (store->read_newest(0, &head, room.data(), &bytes) != SampleRead::kOk) return "empty";
    const std::vector<WriterInfo> writers = store->writers(0);
    return std::string(reinterpret_cast<const char*>(room.data()), bytes) + " of " + writers.front().node +
           " and " + store->topic(0)->origin->node + ", " + std::to_string(writers.size());
  };
  publish_value(*publishers[0], "first");
  EXPECT_EQ(look(), "first of a and a, 2");
  publish_value(*publishers[1], "second");
  EXPECT_EQ(look(), "second of b and b, 2");
  publish_value(*publishers[0], "third");
  EXPECT_EQ(look(), "third of a and a, 2");
  publishers[0].reset();
  ASSERT_TRUE(nodes[0]->remove("x").ok());
  EXPECT_EQ(look(), "second of b and b, 1");
  publish_value(*publishers[1], "fourth");
  EXPECT_EQ(look(), "fourth of b and b, 1");
  publishers[0].emplace(advertise(*nodes[0], "x"));
  publish_value(*publishers[0], "fifth");
  EXPECT_EQ(look(), "fifth of a and a, 2");
  nodes[1]->remove_on_exit();
  publishers[1].reset();
  nodes[1].reset();
  EXPECT_TRUE(eventually([&] { return look() == "fifth of a and a, 1"; })) << look();
  publishers[0].reset();
  ASSERT_TRUE(nodes[0]->remove("x").ok());
  EXPECT_EQ(look(), "gone");
}

TEST_F(ShmStores, AProgramsOwnNodeIsNoMirrorThatIsFree) {
  {
    std::unique_ptr<Node> node = open_node(domain_, "mirror-1");
    Publisher p = advertise(*node, "map");
    publish_value(p, "x");
  }
  const std::unique_ptr<Store> store = open_store();
  EXPECT_THAT(*domain_.nodes(), ElementsAre("mirror-1", "mirror-2"));
  EXPECT_EQ(text_of(open_reader(domain_, "map").latest()), "x");
}

TEST_F(ShmStores, WhatThePresentRulesDoNotTakeIsRemovedWhenTheMirrorIsTakenOver) {
  ReceiveRule prefixed;
  prefixed.prefix = "r1";
  {
    const std::unique_ptr<Store> store = open_store();
    for (const char* topic : {"arm", "r1/arm", "r2/arm"}) receive(*store, topic);
  }
  const std::unique_ptr<Store> store = open_store("", {prefixed});
  EXPECT_THAT(topics_of("mirror-1"), ElementsAre("r1/arm"));
  Reader r = open_reader(domain_, "r1/arm");
  EXPECT_NE(r.latest(), nullptr);
  EXPECT_EQ(r.state(), State::kLinkDown);
}

TEST_F(ShmStores, TheSecondOfTwoRelaysThatReceiveOneTopicIsRefused) {
  const std::unique_ptr<Store> first = open_store(), second = open_store();
  receive(*first, "a");
  ASSERT_TRUE(open_topic(*first, "empty").ok());
  for (const char* topic : {"a", "empty"}) {
    const Result<uint32_t> refused = open_topic(*second, topic);
    EXPECT_EQ(refused.status().code(), Code::kInUse) << topic;
    EXPECT_THAT(refused.status().message(), HasSubstr("mirrored by node mirror-1"));
  }
}

// Two relays without names start again, and each finds the other one's mirror.
TEST_F(ShmStores, RelaysThatHaveChangedPlacesReceiveTheirTopicsAgainAndLeaveNoneBehind) {
  {
    const std::unique_ptr<Store> first = open_store(), second = open_store();
    receive(*first, "robot1/arm");
    receive(*first, "robot1/leg");
    receive(*second, "robot2/arm");
  }
  const std::unique_ptr<Store> second = open_store(), first = open_store();
  receive(*second, "robot2/arm");
  receive(*first, "robot1/arm");
  EXPECT_EQ(open_reader(domain_, "robot1/arm").state(), State::kFresh);
  // Each looks now and then for what others receive.
  const int64_t deadline = boottime_ns() + 20'000'000'000;
  while (boottime_ns() < deadline && (topics_of("mirror-1").size() > 2 || topics_of("mirror-2").size() > 1)) {
    first->flush(boottime_ns());
    second->flush(boottime_ns());
  }
  EXPECT_THAT(topics_of("mirror-1"), ElementsAre("robot1/leg", "robot2/arm"))
      << "robot1/leg: nobody receives it";
  EXPECT_THAT(topics_of("mirror-2"), ElementsAre("robot1/arm"));
}

}  // namespace
}  // namespace smt::relay
