// Two hundred nodes in one domain: listing them, waiting for all of them, finding a new one, and more waiters
// than there are places.
//
// Seeded bugs that this finds: a Waiter looks at the folder only when a bell rings (discovery); the 32nd
// Waiter polls its missing FIFO for 100 s (it never wakes); a Waiter arms the bell of the first 64 nodes
// only.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

constexpr size_t kNodes = 200;

std::string NodeName(size_t i) { return fmt::format("node-{:03}", i); }
std::string TopicName(size_t i) { return fmt::format("crowd/{:03}", i); }

struct Member {
  std::unique_ptr<Node> node;
  Publisher publisher;

  static Member join(const Domain& domain, size_t i) {
    auto node = Must(Node::open(domain, {.name = NodeName(i)}));
    TopicOptions options;
    options.name = TopicName(i);
    options.schema = Schema::Scalar(Type::kU64);
    Publisher publisher = Must(node->advertise(options));
    return {std::move(node), std::move(publisher)};
  }
  void publish(uint64_t value) { Must(publisher.publish(std::as_bytes(std::span(&value, 1)))); }
};

// Mode "members" ROOT FIRST COUNT: joins with COUNT nodes, publishes 1 on each, then again in turn when told
// to.
int Members(const Args& args) {
  const Domain domain = OpenDomain(args[0]);
  const size_t first = std::stoul(args[1]), count = std::stoul(args[2]);
  std::vector<Member> members;
  for (size_t i = first; i < first + count; ++i) {
    members.push_back(Member::join(domain, i));
    members.back().publish(1);
  }
  Say("joined");
  for (size_t turn = 0; Listen(); ++turn) {
    Elapse(milliseconds(2));  // the one who waits for it is asleep by then
    members[turn % count].publish(2 + turn / count);
  }
  return 0;
}

// Mode "newcomer" ROOT NUMBER: joins when told to; its first sample's birth is the moment it began to.
int Newcomer(const Args& args) {
  const Domain domain = OpenDomain(args[0]);
  Say("ready");
  if (!Listen()) return 0;
  const int64_t began_ns = BoottimeNs();
  Member member = Member::join(domain, std::stoul(args[1]));
  const uint64_t value = 1;
  Must(member.publisher.publish(std::as_bytes(std::span(&value, 1)), RealtimeNs(), began_ns));
  Listen();
  return 0;
}

class Crowd : public testing::Test {
 protected:
  Crowd() : domain_(root_.open()) {
    for (size_t first = 0; first < kNodes; first += each_) {
      children_.push_back(
          Child::spawn("members", {root_.path(), std::to_string(first), std::to_string(each_)}));
    }
    for (Child& child : children_) EXPECT_EQ(child.line(), "joined");
  }
  // Has node i publish once more. REQUIRES: within one child, in turn.
  void Publish(size_t i) { children_[i / each_].tell(); }

  // But for a quick look each node is a process of its own.
  const size_t each_ = kNodes / Sized(4, kNodes, kNodes);
  TempRoot root_;
  Domain domain_;
  std::vector<Child> children_;
};

TEST_F(Crowd, IsListedAndFollowedTopicByTopic) {
  const int64_t begin = BoottimeNs();
  const DomainListing listing = Must(ListTopics(domain_));
  const int64_t list_ns = BoottimeNs() - begin;
  EXPECT_EQ(listing.problems, std::vector<std::string>());
  ASSERT_EQ(listing.topics.size(), kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    const TopicInfo& topic = listing.topics[i];
    EXPECT_EQ(topic.name, TopicName(i));
    EXPECT_EQ(topic.freshness.state, State::kFresh);
    EXPECT_EQ(topic.sequence, 1u);
  }

  std::vector<Reader> readers;
  for (size_t i = 0; i < kNodes; ++i) {
    readers.push_back(Must(Reader::open(domain_, TopicName(i))));
    ASSERT_NE(readers.back().latest(), nullptr) << TopicName(i);
  }
  Latencies by_reader, by_waiter;
  for (size_t i = 0; i < kNodes; ++i) {
    Publish(i);
    ASSERT_EQ(readers[i].wait(milliseconds(5'000)), Woke::kSample) << TopicName(i);
    const int64_t awake_at = BoottimeNs();
    const Sample* sample = readers[i].next();
    ASSERT_NE(sample, nullptr);
    EXPECT_EQ(sample->sequence, 2u);
    by_reader.add(awake_at - sample->written_ns);
  }
  Waiter waiter = Must(Waiter::open(domain_));
  ASSERT_EQ(waiter.nodes().size(), kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    while (waiter.collect()) {
    }
    Publish(i);
    const Sample* sample = nullptr;
    int64_t awake_at = 0;
    const int64_t end = BoottimeNs() + 5'000'000'000;
    while (sample == nullptr && BoottimeNs() < end) {
      waiter.wait(milliseconds(1'000));
      awake_at = BoottimeNs();
      sample = readers[i].next();
    }
    ASSERT_NE(sample, nullptr) << TopicName(i);
    by_waiter.add(awake_at - sample->written_ns);
  }
  Figures("crowd: {} nodes in {} processes listed in {:.1f} ms; woken by Reader {}; woken by Waiter {}",
          kNodes, children_.size(), static_cast<double>(list_ns) / 1e6, by_reader.text(), by_waiter.text());
  EXPECT_LT(list_ns, 300'000'000 * Patience());
  EXPECT_LT(by_reader.percentile_ms(99), 30.0 * static_cast<double>(Patience()));
  EXPECT_LT(by_waiter.percentile_ms(99), 30.0 * static_cast<double>(Patience()));
}

TEST_F(Crowd, FindsANewcomer) {
  Waiter waiter = Must(Waiter::open(domain_));
  Latencies found;
  for (size_t i = kNodes; i < kNodes + Scaled(20, 200); ++i) {
    Child newcomer = Child::spawn("newcomer", {root_.path(), std::to_string(i)});
    ASSERT_EQ(newcomer.line(), "ready");
    newcomer.tell();
    // Found is the node with its topic and its first sample.
    std::optional<int64_t> began_ns;
    const int64_t end = BoottimeNs() + 5'000'000'000;
    while (!began_ns && BoottimeNs() < end) {
      waiter.wait(milliseconds(1'000));
      for (const auto& node : waiter.nodes()) {
        if (node->node() != NodeName(i) || node->topic_limit() == 0) continue;
        const auto topic = node->topic(0);
        SampleHead head;
        uint64_t value, bytes;
        if (topic && ReadSlot(*topic, 1, &head, &value, &bytes) == SlotRead::kOk) began_ns = head.born_ns;
      }
    }
    ASSERT_TRUE(began_ns) << NodeName(i) << " was not found";
    found.add(BoottimeNs() - *began_ns);
  }
  Figures("crowd: newcomer among {} nodes found {}", kNodes, found.text());
  EXPECT_LT(found.percentile_ms(100), 300.0 * static_cast<double>(Patience()));
}

TEST(CrowdOfWaiters, TheThirtySecondPollsAndAPlaceIsFreeAtOnce) {
  TempRoot root;
  const Domain domain = root.open();
  Member member = Member::join(domain, 0);
  std::vector<Waiter> waiters;
  for (uint32_t k = 0; k < layout::kWaiters; ++k) {
    waiters.push_back(Must(Waiter::open(domain)));
    ASSERT_GE(waiters.back().fd(), 0) << "waiter " << k;
  }
  Waiter late = Must(Waiter::open(domain));
  EXPECT_EQ(late.fd(), -1);
  EXPECT_LE(late.poll_limit(), milliseconds(10));
  while (late.collect()) {
  }
  for (Waiter& waiter : waiters) {
    while (waiter.collect()) {
    }
    ASSERT_TRUE(waiter.arm());
  }
  std::atomic<int64_t> published_ns{0};
  std::thread publisher([&] {
    Elapse(milliseconds(25));
    published_ns = BoottimeNs();
    member.publish(1);
  });
  while (published_ns == 0) late.wait(milliseconds(1'000));
  const int64_t late_ns = BoottimeNs() - published_ns;
  publisher.join();
  for (Waiter& waiter : waiters) EXPECT_TRUE(waiter.collect()) << "a waiter was not woken";
  waiters.erase(waiters.begin() + 7);
  const Waiter next = Must(Waiter::open(domain));
  EXPECT_GE(next.fd(), 0);
  Figures("crowd: waiter 32 saw a publication after {:.1f} ms", static_cast<double>(late_ns) / 1e6);
  EXPECT_LT(late_ns, 30'000'000 * Patience());
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"members", Members}, {"newcomer", Newcomer}};

}  // namespace smt::storm
