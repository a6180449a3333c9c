// Ten thousand topics are all there soon after a subscriber's start; a value that takes the link a second and
// more does not hold up a small one. Seeded bug that makes it fail: in relay/feed.cc, send() has pieces go
// before batches always.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "shm/clock.h"
#include "shm/segment_view.h"
#include "shm/topic.h"
#include "tests/relay/hosts.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::Patience;

constexpr size_t kTopics = 10'000;
std::string Name(size_t i) { return "many/" + std::to_string(i); }

// Publishes on each topic its own sequence, round by round.
class Crowd {
 public:
  Crowd(const Domain& domain, size_t nodes) {
    for (size_t i = 0; i < nodes; ++i) {
      nodes_.push_back(storm::Must(
          Node::open(domain, {.name = "n" + std::to_string(i), .segment_bytes = uint64_t{64} << 20})));
    }
    for (size_t i = 0; i < kTopics; ++i) {
      topics_.push_back(storm::Must(Topic<uint64_t>::advertise(*nodes_[i % nodes], {.name = Name(i)})));
    }
    Publish();
  }
  void start() {
    thread_ = std::thread([this] {
      while (!stop_) {
        Publish();
        storm::Elapse(milliseconds(500));
      }
    });
  }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  ~Crowd() { stop(); }
  uint64_t round() const { return round_; }

 private:
  void Publish() {
    for (Topic<uint64_t>& t : topics_) storm::Must(t.publish(round_ + 1));
    ++round_;
  }
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Topic<uint64_t>> topics_;
  std::atomic<uint64_t> round_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// All that the base's relay has mirrored, read at once.
class Mirror {
 public:
  explicit Mirror(const Domain& domain) : domain_(domain) {}

  // Topics whose value is at least that of round `floor`.
  size_t current(uint64_t floor) {
    if (view_ == nullptr) {
      Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain_, "mirror-base");
      if (!view.ok()) return 0;
      view_ = std::move(*view);
    }
    if (topics_.size() < view_->topic_limit()) topics_.resize(view_->topic_limit());
    size_t count = 0;
    for (uint32_t i = 0; i < topics_.size(); ++i) {
      std::optional<TopicView>& t = topics_[i];
      if (!t || !t->live()) t = view_->topic(i);
      if (!t || !t->name.starts_with("many/")) continue;
      SampleHead head;
      uint64_t value = 0, bytes = 0;
      if (t->max_bytes != sizeof value ||
          ReadSlot(*t, LoadHead(*t->counter), &head, &value, &bytes) != SlotRead::kOk) {
        continue;
      }
      wrong_ += value != head.sequence;
      count += value >= floor;
    }
    return count;
  }
  uint64_t wrong() const { return wrong_; }

 private:
  Domain domain_;
  std::shared_ptr<SegmentView> view_;
  std::vector<std::optional<TopicView>> topics_;
  uint64_t wrong_ = 0;
};

class RelayMany : public HostsTest, public testing::WithParamInterface<size_t> {};

TEST_P(RelayMany, AreAllCurrentWithinTwoSecondsOfASubscribersStart) {
  Crowd crowd(in("robot"), GetParam());
  start_proxy();
  start_pub();
  crowd.start();
  Mirror mirror(in("base"));
  const uint64_t floor = crowd.round();
  const int64_t begin = BoottimeNs();
  start_sub();
  const bool came = Await(milliseconds(20'000), [&] { return mirror.current(floor) == kTopics; });
  const int64_t took = BoottimeNs() - begin;
  EXPECT_TRUE(came) << mirror.current(floor) << " are current";
  // And they stay so.
  crowd.stop();
  EXPECT_TRUE(Await(milliseconds(2'000), [&] { return mirror.current(crowd.round()) == kTopics; }));
  for (int i = 0; i < 100; ++i) {
    const std::string name = Name(storm::RandomBelow(kTopics));
    auto reader = storm::Must(TopicReader<uint64_t>::open(in("base"), name));
    EXPECT_EQ(reader.latest(), std::optional(crowd.round())) << name;
    EXPECT_EQ(reader.reader().state(), State::kFresh) << name;
  }
  const auto mib = [](const Process& p, const char* what) {
    return static_cast<double>(MemoryBytes(p.pid(), what)) / (1 << 20);
  };
  const double pub = mib(*pub_, "VmRSS"), sub = mib(*sub_, "VmRSS");
  Figures(
      "relay_many: {} topics on {} nodes current {:.0f} ms after the subscriber's start; RSS pub {:.1f} + "
      "sub {:.1f} "
      "= {:.1f} MiB (their own: {:.1f} + {:.1f}; proxy {:.1f}); values of another sequence {}",
      kTopics, GetParam(), static_cast<double>(took) / 1e6, pub, sub, pub + sub, mib(*pub_, "RssAnon"),
      mib(*sub_, "RssAnon"), mib(*proxy_, "VmRSS"), mirror.wrong());
  EXPECT_LE(took, 2'000'000'000 * Patience());
  EXPECT_EQ(mirror.wrong(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Nodes, RelayMany, testing::Values(1, 200),
                         [](const auto& nodes) { return std::to_string(nodes.param); });

class RelaySlowLink : public HostsTest {};

TEST_F(RelaySlowLink, ALargeValueDoesNotHoldUpASmallOne) {
  SMT_NEED_NAMESPACES();
  const size_t large_values = storm::Scaled(3, 20);
  constexpr uint32_t kLargeWords = (16 << 20) / 8;
  hosts_.shape(Host::kRobot, "100mbit");
  start_all();
  auto node = storm::Must(Node::open(in("robot"), {.name = "source"}));
  auto small = storm::Must(Topic<int64_t>::advertise(*node, {.name = "small"}));
  Publisher large =
      storm::Must(node->advertise({.name = "large", .schema = Schema::Scalar(Type::kU64, kLargeWords)}));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> published{0};
  // A value is the time of its publication.
  std::thread ticker([&] {
    for (int64_t due = BoottimeNs(); !stop; due += 10'000'000) {
      storm::Must(small.publish(BoottimeNs()));
      ++published;
      storm::Elapse(std::chrono::nanoseconds(std::max<int64_t>(0, due + 10'000'000 - BoottimeNs())));
    }
  });
  Latencies ages, transfers;
  std::atomic<bool> measure{false};
  std::atomic<uint64_t> received{0};
  std::thread reader([&] {
    auto ticks = storm::Must(TopicReader<int64_t>::open(in("base"), "small"));
    while (!stop) {
      ticks.wait(milliseconds(20));
      while (const std::optional<int64_t> tick = ticks.next()) {
        if (measure) ages.add(BoottimeNs() - *tick);
        ++received;
      }
    }
  });
  EXPECT_TRUE(Await(milliseconds(10'000), [&] { return received > 10; }));
  Reader values = storm::Must(Reader::open(in("base"), "large"));
  std::vector<uint64_t> value(kLargeWords);
  uint64_t torn = 0;
  const uint64_t published_before = published;
  measure = true;
  for (uint64_t n = 1; n <= large_values; ++n) {
    for (uint64_t i = 0; i < kLargeWords; ++i) value[i] = n * 0x9E3779B97F4A7C15 + i;
    const int64_t begin = BoottimeNs();
    storm::Must(large.publish(std::as_bytes(std::span(value))));
    std::optional<Borrowed> there;
    EXPECT_TRUE(Await(milliseconds(20'000),
                      [&] {
                        if (values.writers().empty()) (void)values.refresh();
                        there = values.borrow();
                        return there && there->head().sequence == n;
                      }))
        << "large value " << n;
    transfers.add(BoottimeNs() - begin);
    torn += !there || there->bytes().size() != kLargeWords * 8 ||
            memcmp(there->bytes().data(), value.data(), kLargeWords * 8) != 0;
  }
  const uint64_t sent = published - published_before;
  stop = true;
  ticker.join();
  reader.join();
  Figures(
      "relay_many: 16 MiB beside 100 Hz at 100 Mbit/s: {} values, transfer {}; ages of the small one {} (of "
      "{} "
      "published), torn {}",
      large_values, transfers.text(), ages.text(), sent, torn);
  EXPECT_LT(ages.percentile_ms(99), 50.0 * static_cast<double>(Patience()));
  EXPECT_GE(ages.count() * 5, sent) << "the small one is starved";
  EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace smt::hosts
