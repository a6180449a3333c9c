// Two hundred nodes in one domain: listing them, waiting for all of them, finding a new one, and more waiters
// than there are places.
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

std::string node_name(size_t i) { return fmt::format("node-{:03}", i); }
std::string topic_name(size_t i) { return fmt::format("crowd/{:03}", i); }

struct Member {
  std::unique_ptr<Node> node;
  Publisher publisher;

  static Member join(const Domain& domain, size_t i) {
    auto node = must(Node::open(domain, {.name = node_name(i)}));
    TopicOptions options;
    options.name = topic_name(i);
    options.schema = Schema::scalar(Type::kU64);
    Publisher publisher = must(node->advertise(options));
    return {std::move(node), std::move(publisher)};
  }
  void publish(uint64_t value) { must(publisher.publish(std::as_bytes(std::span(&value, 1)))); }
};

// Mode "members" ROOT FIRST COUNT: joins with COUNT nodes, publishes 1 on each, then again in turn when told
// to.
int members(const Args& args) {
  const Domain domain = open_domain(args[0]);
  const size_t first = std::stoul(args[1]), count = std::stoul(args[2]);
  std::vector<Member> members;
  for (size_t i = first; i < first + count; ++i) {
    members.push_back(Member::join(domain, i));
    members.back().publish(1);
  }
  say_line("joined");
  for (size_t turn = 0; wait_for_word(); ++turn) {
    elapse(milliseconds(2));  // the one who waits for it is asleep by then
    members[turn % count].publish(2 + turn / count);
  }
  return 0;
}

// Mode "newcomer" ROOT NUMBER: joins when told to; its first sample's birth is the moment it began to.
int newcomer(const Args& args) {
  const Domain domain = open_domain(args[0]);
  say_line("ready");
  if (!wait_for_word()) return 0;
  const int64_t began_ns = boottime_ns();
  Member member = Member::join(domain, std::stoul(args[1]));
  const uint64_t value = 1;
  must(member.publisher.publish(std::as_bytes(std::span(&value, 1)), realtime_ns(), began_ns));
  wait_for_word();
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
  void publish(size_t i) { children_[i / each_].tell(); }

  // But for a quick look each node is a process of its own.
  const size_t each_ = kNodes / sized(4, kNodes, kNodes);
  TempRoot root_;
  Domain domain_;
  std::vector<Child> children_;
};

TEST_F(Crowd, IsListedAndFollowedTopicByTopic) {
  const int64_t begin = boottime_ns();
  const DomainListing listing = must(list_topics(domain_));
  const int64_t list_ns = boottime_ns() - begin;
  EXPECT_EQ(listing.problems, std::vector<std::string>());
  ASSERT_EQ(listing.topics.size(), kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    const TopicInfo& topic = listing.topics[i];
    EXPECT_EQ(topic.name, topic_name(i));
    EXPECT_EQ(topic.freshness.state, State::kFresh);
    EXPECT_EQ(topic.sequence, 1u);
  }

  std::vector<Reader> readers;
  for (size_t i = 0; i < kNodes; ++i) {
    readers.push_back(must(Reader::open(domain_, topic_name(i))));
    ASSERT_NE(readers.back().latest(), nullptr) << topic_name(i);
  }
  Latencies by_reader, by_waiter;
  for (size_t i = 0; i < kNodes; ++i) {
    publish(i);
    ASSERT_EQ(readers[i].wait(milliseconds(5'000)), Woke::kSample) << topic_name(i);
    const int64_t awake_at = boottime_ns();
    const Sample* sample = readers[i].next();
    ASSERT_NE(sample, nullptr);
    EXPECT_EQ(sample->sequence, 2u);
    by_reader.add(awake_at - sample->written_ns);
  }
  Waiter waiter = must(Waiter::open(domain_));
  ASSERT_EQ(waiter.nodes().size(), kNodes);
  for (size_t i = 0; i < kNodes; ++i) {
    while (waiter.collect()) {
    }
    publish(i);
    const Sample* sample = nullptr;
    int64_t awake_at = 0;
    const int64_t end = boottime_ns() + 5'000'000'000;
    while (sample == nullptr && boottime_ns() < end) {
      waiter.wait(milliseconds(1'000));
      awake_at = boottime_ns();
      sample = readers[i].next();
    }
    ASSERT_NE(sample, nullptr) << topic_name(i);
    by_waiter.add(awake_at - sample->written_ns);
  }
  print_figures("crowd: {} nodes in {} processes listed in {:.1f} ms; woken by Reader {}; woken by Waiter {}",
                kNodes, children_.size(), static_cast<double>(list_ns) / 1e6, by_reader.text(),
                by_waiter.text());
  EXPECT_LT(list_ns, 300'000'000 * patience_factor());
  EXPECT_LT(by_reader.percentile_ms(99), 30.0 * static_cast<double>(patience_factor()));
  EXPECT_LT(by_waiter.percentile_ms(99), 30.0 * static_cast<double>(patience_factor()));
}

TEST_F(Crowd, FindsANewcomer) {
  Waiter waiter = must(Waiter::open(domain_));
  Latencies found;
  for (size_t i = kNodes; i < kNodes + scaled(20, 200); ++i) {
    Child newcomer = Child::spawn("newcomer", {root_.path(), std::to_string(i)});
    ASSERT_EQ(newcomer.line(), "ready");
    newcomer.tell();
    // Found is the node with its topic and its first sample.
    std::optional<int64_t> began_ns;
    const int64_t end = boottime_ns() + 5'000'000'000;
    while (!began_ns && boottime_ns() < end) {
      waiter.wait(milliseconds(1'000));
      for (const auto& node : waiter.nodes()) {
        if (node->node() != node_name(i) || node->topic_limit() == 0) continue;
        const auto topic = node->topic(0);
        SampleHead head;
        uint64_t value, bytes;
        if (topic && read_slot(*topic, 1, &head, &value, &bytes) == SlotRead::kOk) began_ns = head.born_ns;
      }
    }
    ASSERT_TRUE(began_ns) << node_name(i) << " was not found";
    found.add(boottime_ns() - *began_ns);
  }
  print_figures("crowd: newcomer among {} nodes found {}", kNodes, found.text());
  EXPECT_LT(found.percentile_ms(100), 300.0 * static_cast<double>(patience_factor()));
}

TEST(CrowdOfWaiters, TheThirtySecondPollsAndAPlaceIsFreeAtOnce) {
  TempRoot root;
  const Domain domain = root.open();
  Member member = Member::join(domain, 0);
  std::vector<Waiter> waiters;
  for (uint32_t k = 0; k < layout::kWaiters; ++k) {
    waiters.push_back(must(Waiter::open(domain)));
    ASSERT_GE(waiters.back().fd(), 0) << "waiter " << k;
  }
  Waiter late = must(Waiter::open(domain));
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
    elapse(milliseconds(25));
    published_ns = boottime_ns();
    member.publish(1);
  });
  while (published_ns == 0) late.wait(milliseconds(1'000));
  const int64_t late_ns = boottime_ns() - published_ns;
  publisher.join();
  for (Waiter& waiter : waiters) EXPECT_TRUE(waiter.collect()) << "a waiter was not woken";
  waiters.erase(waiters.begin() + 7);
  const Waiter next = must(Waiter::open(domain));
  EXPECT_GE(next.fd(), 0);
  print_figures("crowd: waiter 32 saw a publication after {:.1f} ms", static_cast<double>(late_ns) / 1e6);
  EXPECT_LT(late_ns, 30'000'000 * patience_factor());
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"members", members}, {"newcomer", newcomer}};

}  // namespace smt::storm
