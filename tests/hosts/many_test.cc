// Ten thousand topics are all there soon after a subscriber's start, and a hundred thousand, asked for by a
// thousand patterns, after the restart of any relay; a value that takes the link a second and more does not
// hold up a small one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "shm/clock.h"
#include "shm/segment_view.h"
#include "shm/topic.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

using storm::Latencies;
using storm::patience_factor;

constexpr size_t kTopics = 10'000;

// "many/0" and so on.
std::vector<std::string> topic_names(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back("many/" + std::to_string(i));
  return names;
}

// Publishes on each topic its own sequence, round by round.
class Crowd {
 public:
  Crowd(const Domain& domain, size_t nodes, const std::vector<std::string>& names) {
    for (size_t i = 0; i < nodes; ++i) {
      nodes_.push_back(storm::must(
          Node::open(domain, {.name = "n" + std::to_string(i), .segment_bytes = uint64_t{256} << 20})));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      topics_.push_back(storm::must(Topic<uint64_t>::advertise(*nodes_[i % nodes], {.name = names[i]})));
    }
    publish();
  }
  void publish() {
    for (Topic<uint64_t>& t : topics_) storm::must(t.publish(round_ + 1));
    ++round_;
  }
  void start() {
    thread_ = std::thread([this] {
      while (!stop_) {
        publish();
        storm::elapse(milliseconds(500));
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
    size_t count = 0;
    for (uint32_t i = 0; i < topic_limit(); ++i) count += look(i, floor, false) == Is::kCurrent;
    return count;
  }
  // There are so many, they are current, and readers hold them for fresh. Costs little while they are not:
  // the relays need the processor.
  bool all_fresh(size_t topics, uint64_t floor) {
    for (const uint32_t limit = topic_limit(); behind_ < limit; ++behind_) {
      if (look(behind_, floor, true) == Is::kBehind) return false;
    }
    behind_ = 0;
    size_t count = 0;
    for (uint32_t i = 0; i < topics_.size(); ++i) count += look(i, floor, true) == Is::kCurrent;
    return count == topics;
  }
  uint64_t wrong() const { return wrong_; }

 private:
  enum class Is { kNone, kBehind, kCurrent };  // kNone: no topic of the crowd

  uint32_t topic_limit() {
    if (view_ == nullptr) {
      Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain_, "mirror-base");
      if (!view.ok()) return 0;
      view_ = std::move(*view);
    }
    if (topics_.size() < view_->topic_limit()) topics_.resize(view_->topic_limit());
    return static_cast<uint32_t>(topics_.size());
  }
  Is look(uint32_t i, uint64_t floor, bool fresh) {
    std::optional<TopicView>& t = topics_[i];
    if (!t || !t->live()) t = view_->topic(i);
    if (!t || t->name.starts_with("smt/")) return Is::kNone;
    SampleHead head;
    uint64_t value = 0, bytes = 0;
    if (t->max_bytes != sizeof value ||
        read_slot(*t, read_newest_head(*t->counter), &head, &value, &bytes) != SlotRead::kOk) {
      return Is::kBehind;
    }
    wrong_ += value != head.sequence;
    if (value < floor) return Is::kBehind;
    return fresh && view_->state(*t, false, boottime_ns()) != State::kFresh ? Is::kBehind : Is::kCurrent;
  }

  Domain domain_;
  std::shared_ptr<SegmentView> view_;
  std::vector<std::optional<TopicView>> topics_;
  uint64_t wrong_ = 0;
  uint32_t behind_ = 0;  // those before it were not when they were looked at last
};

class RelayMany : public HostsTest, public testing::WithParamInterface<size_t> {};

TEST_P(RelayMany, AreAllCurrentWithinTwoSecondsOfASubscribersStart) {
  const std::vector<std::string> names = topic_names(kTopics);
  Crowd crowd(in("robot"), GetParam(), names);
  start_proxy();
  start_pub();
  crowd.start();
  Mirror mirror(in("base"));
  const uint64_t floor = crowd.round();
  const int64_t begin = boottime_ns();
  start_sub();
  const bool came = await(milliseconds(20'000), [&] { return mirror.current(floor) == kTopics; });
  const int64_t took = boottime_ns() - begin;
  EXPECT_TRUE(came) << mirror.current(floor) << " are current";
  // And they stay so.
  crowd.stop();
  EXPECT_TRUE(await(milliseconds(2'000), [&] { return mirror.current(crowd.round()) == kTopics; }));
  for (int i = 0; i < 100; ++i) {
    const std::string& name = names[storm::random_below(kTopics)];
    auto reader = storm::must(TopicReader<uint64_t>::open(in("base"), name));
    EXPECT_EQ(reader.latest(), std::optional(crowd.round())) << name;
    EXPECT_EQ(reader.reader().state(), State::kFresh) << name;
  }
  const auto mib = [](const Process& p, const char* what) {
    return static_cast<double>(tools::memory_bytes(p.pid(), what)) / (1 << 20);
  };
  const double pub = mib(*pub_, "VmRSS"), sub = mib(*sub_, "VmRSS");
  print_figures(
      "relay_many: {} topics on {} nodes current {:.0f} ms after the subscriber's start; RSS pub {:.1f} + "
      "sub {:.1f} "
      "= {:.1f} MiB (their own: {:.1f} + {:.1f}; proxy {:.1f}); values of another sequence {}",
      kTopics, GetParam(), static_cast<double>(took) / 1e6, pub, sub, pub + sub, mib(*pub_, "RssAnon"),
      mib(*sub_, "RssAnon"), mib(*proxy_, "VmRSS"), mirror.wrong());
  EXPECT_LE(took, 2'000'000'000 * patience_factor());
  EXPECT_EQ(mirror.wrong(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Nodes, RelayMany, testing::Values(1, 200),
                         [](const auto& nodes) { return std::to_string(nodes.param); });

// Asked for by a thousand patterns of all kinds, through a proxy or directly.
class RelayThousands : public HostsTest, public testing::WithParamInterface<bool> {
 protected:
  static constexpr size_t kPatterns = 1000, kExact = 100, kFolders = kPatterns - kExact;

  // Each pattern names some of them, and each of them is named by one pattern.
  static std::vector<std::string> make_topics(size_t count) {
    std::vector<std::string> names;
    for (size_t i = 0; i < kExact; ++i) names.push_back(fmt::format("one/{}", i));
    for (size_t i = 0; names.size() < count; ++i) {
      names.push_back(fmt::format("a{:03}/{}t{}", i % kFolders, i % kFolders % 4 == 0 ? "b/" : "", i));
    }
    return names;
  }
  static std::string pattern(size_t i) {
    if (i >= kFolders) return fmt::format("one/{}", i - kFolders);
    switch (i % 4) {
      case 0:
        return fmt::format("a{:03}/**", i);
      case 1:
        return fmt::format("a{:03}/*", i);
      case 2:
        return fmt::format("a{:03}/t*", i);
      default:
        return i % 40 == 3 ? fmt::format("re:a{:03}/t[0-9]+", i) : fmt::format("a{:03}/**", i);
    }
  }
  std::string config() const {
    std::string text = "version = 1\n[[receive]]\ntopic = [";
    for (size_t i = 0; i < kPatterns; ++i) text += fmt::format("'{}',\n", pattern(i));
    return write("sub.toml", text + "]\n");
  }

  bool proxied() const { return GetParam(); }
  // Directly: the publisher's relay stands where the proxy would.
  void start(const std::string& relay) {
    if (relay == "proxy") return start_proxy();
    if (relay == "sub") return start_sub();
    if (proxied()) return start_pub();
    pub_.reset();
    std::vector<std::string> args = {"smtrelay_pub", "--domain", "robot",           "--name",
                                     "robot",        "--bind",   hosts_.gate_bind()};
    if (hosts_.isolated()) args.push_back("--insecure");
    pub_ = hosts_.start(Host::kGate, args, options());
    pub_->wait_for_output("ready ");
  }
};

TEST_P(RelayThousands, AreAllCurrentWithinFiveSecondsOfTheRestartOfAnyRelay) {
  const size_t topics = storm::sized(10'000, 100'000);
  const std::vector<std::string> names = make_topics(topics);
  Crowd crowd(in("robot"), proxied() ? 20 : 1, names);
  sub_flags_ = {"--config", config()};
  const std::vector<std::string> relays =
      proxied() ? std::vector<std::string>{"proxy", "pub", "sub"} : std::vector<std::string>{"pub", "sub"};
  for (const std::string& relay : relays) start(relay);
  Mirror mirror(in("base"));
  const auto all = [&] { return mirror.all_fresh(topics, crowd.round()); };
  ASSERT_TRUE(await(milliseconds(60'000), all)) << mirror.current(0) << " are there";
  std::string figures;
  uint64_t max_bytes = 0;
  int64_t max = 0;
  for (const std::string& relay : relays) {
    std::unique_ptr<Process>& process = relay == "proxy" ? proxy_ : relay == "pub" ? pub_ : sub_;
    max_bytes = std::max(max_bytes, tools::memory_bytes(process->pid(), "VmHWM"));
    process.reset();
    crowd.publish();
    const int64_t begin = boottime_ns();
    start(relay);
    EXPECT_TRUE(await(milliseconds(60'000), all)) << mirror.current(crowd.round()) << " after " << relay;
    const int64_t took = boottime_ns() - begin;
    figures += fmt::format(" {} {:.0f} ms,", relay, static_cast<double>(took) / 1e6);
    EXPECT_LE(took, 5'000'000'000 * patience_factor()) << relay;
    max = std::max(max, took);
  }
  for (const auto* process : {&pub_, &proxy_, &sub_}) {
    if (*process == nullptr) continue;
    const uint64_t bytes = tools::memory_bytes((*process)->pid(), "VmHWM");
    max_bytes = std::max(max_bytes, bytes);
    figures += fmt::format(" {:.0f} MiB", static_cast<double>(bytes) / (1 << 20));
  }
  print_figures(
      "relay_many: {} topics by {} patterns {}, all current after the restart of{} at their most; {}", topics,
      kPatterns, proxied() ? "through a proxy" : "directly", figures, load());
  EXPECT_LE(max_bytes, uint64_t{400} << 20);
  EXPECT_EQ(mirror.wrong(), 0u);
  print_row(Row{.id = "R16",
                .what = fmt::format("all current after a restart, {}", proxied() ? "by a proxy" : "directly"),
                .n = topics,
                .violations = HasFailure(),
                .max_ms = static_cast<double>(max) / 1e6});
}

INSTANTIATE_TEST_SUITE_P(Ways, RelayThousands, testing::Values(false, true),
                         [](const auto& proxied) { return proxied.param ? "Proxied" : "Direct"; });

class RelaySlowLink : public HostsTest {};

TEST_F(RelaySlowLink, ALargeValueDoesNotHoldUpASmallOne) {
  SMT_NEED_NAMESPACES();
  const size_t large_values = storm::scaled(3, 20);
  constexpr uint32_t kLargeWords = (16 << 20) / 8;
  hosts_.shape(Host::kRobot, "100mbit");
  start_all();
  auto node = storm::must(Node::open(in("robot"), {.name = "source"}));
  auto small = storm::must(Topic<int64_t>::advertise(*node, {.name = "small"}));
  Publisher large =
      storm::must(node->advertise({.name = "large", .schema = Schema::scalar(Type::kU64, kLargeWords)}));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> published{0};
  // A value is the time of its publication.
  std::thread ticker([&] {
    for (int64_t due = boottime_ns(); !stop; due += 10'000'000) {
      storm::must(small.publish(boottime_ns()));
      ++published;
      storm::elapse(std::chrono::nanoseconds(std::max<int64_t>(0, due + 10'000'000 - boottime_ns())));
    }
  });
  Latencies ages, transfers;
  std::atomic<bool> measure{false};
  std::atomic<uint64_t> received{0};
  std::thread reader([&] {
    auto ticks = storm::must(TopicReader<int64_t>::open(in("base"), "small"));
    while (!stop) {
      ticks.wait(milliseconds(20));
      while (const std::optional<int64_t> tick = ticks.next()) {
        if (measure) ages.add(boottime_ns() - *tick);
        ++received;
      }
    }
  });
  EXPECT_TRUE(await(milliseconds(10'000), [&] { return received > 10; }));
  Reader values = storm::must(Reader::open(in("base"), "large"));
  std::vector<uint64_t> value(kLargeWords);
  uint64_t torn = 0;
  const uint64_t published_before = published;
  measure = true;
  for (uint64_t n = 1; n <= large_values; ++n) {
    for (uint64_t i = 0; i < kLargeWords; ++i) value[i] = n * 0x9E3779B97F4A7C15 + i;
    const int64_t begin = boottime_ns();
    storm::must(large.publish(std::as_bytes(std::span(value))));
    std::optional<Borrowed> there;
    EXPECT_TRUE(await(milliseconds(20'000),
                      [&] {
                        if (values.writers().empty()) (void)values.refresh();
                        there = values.borrow();
                        return there && there->head().sequence == n;
                      }))
        << "large value " << n;
    transfers.add(boottime_ns() - begin);
    torn += !there || there->bytes().size() != kLargeWords * 8 ||
            memcmp(there->bytes().data(), value.data(), kLargeWords * 8) != 0;
  }
  const uint64_t sent = published - published_before;
  stop = true;
  ticker.join();
  reader.join();
  print_figures(
      "relay_many: 16 MiB beside 100 Hz at 100 Mbit/s: {} values, transfer {}; ages of the small one {} (of "
      "{} "
      "published), torn {}",
      large_values, transfers.text(), ages.text(), sent, torn);
  EXPECT_LT(ages.percentile_ms(99), 50.0 * static_cast<double>(patience_factor()));
  EXPECT_GE(ages.count() * 5, sent) << "the small one is starved";
  EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace smt::hosts
