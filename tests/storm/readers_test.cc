// A writer waits for nobody: not for a hundred readers that never pause, not for readers that are stopped in
// the middle of a read.
//
// Publishing without and with readers takes turns as A B B A, so that a drift of the machine cancels out. The
// 99th percentile may be 10 %, 200 ns or three hand-overs of a cache line greater with readers, whichever is
// most: what a writer changes is in the readers' cache, and what that costs the machine says. Readers run on
// another core than the writer, so that one of them always reads what is being written. Whether the writer
// waited at all is told by the kernel: it has never given its core away.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "bench/measure.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

constexpr const char* kTopic = "busy";

// Mode "readers" ROOT COUNT: as many threads read without pause from one byte of input to the next.
int readers(const Args& args) {
  bench::pin(0);
  const Domain domain = open_domain(args[0]);
  std::atomic<bool> reading{false};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < std::stoull(args[1]); ++i) {
    threads.emplace_back([&] {
      Reader reader = must(Reader::open(domain, kTopic));
      for (;;) {
        reading.wait(false);
        while (reading) reader.latest();
      }
    });
  }
  say_line("ready");
  while (wait_for_word()) {
    reading = !reading;
    reading.notify_all();
    say_line(reading ? "reading" : "idle");
  }
  _exit(0);
}

constexpr double kPeriodNs = 10'000;

struct Publishing {
  double p99_ns, max_ms;
  uint64_t waits;  // times that the writer gave its core away
};

uint64_t count_waits() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

Publishing publish(Publisher& publisher, uint64_t count, double ns_per_tick) {
  static std::vector<double> ticks;
  ticks.clear();
  const std::vector<std::byte> value(64);
  const uint64_t before = count_waits();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t begin = bench::read_ticks();
    must(publisher.publish(value));
    ticks.push_back(static_cast<double>(bench::read_ticks() - begin));
    while (static_cast<double>(bench::read_ticks() - begin) * ns_per_tick < kPeriodNs) {
    }
  }
  const uint64_t waits = count_waits() - before;
  return {bench::percentile(ticks, 0.99) * ns_per_tick, bench::percentile(ticks, 1) * ns_per_tick / 1e6,
          waits};
}

// What it takes until another core has seen a word, from there and back in turns.
double measure_hand_over_ns(double ns_per_tick) {
  constexpr uint64_t kTurns = 20'000;
  std::vector<double> ns;
  for (int round = 0; round < 5; ++round) {
    alignas(64) std::atomic<uint64_t> word{0};
    std::thread other([&] {
      bench::pin(0);
      for (uint64_t i = 1; i < 2 * kTurns; i += 2) {
        while (word != i) {
        }
        word = i + 1;
      }
    });
    const uint64_t begin = bench::read_ticks();
    for (uint64_t i = 1; i < 2 * kTurns; i += 2) {
      word = i;
      while (word != i + 1) {
      }
    }
    ns.push_back(static_cast<double>(bench::read_ticks() - begin) * ns_per_tick / (2 * kTurns));
    other.join();
  }
  return *std::min_element(ns.begin(), ns.end());
}

class ReadersTest : public testing::Test {
 protected:
  void SetUp() override {
    bench::pin(1);
    node_ = must(Node::open(domain_, {.name = "writer", .segment_bytes = 1 << 20}));
    TopicOptions options;
    options.name = kTopic;
    options.schema = Schema::scalar(Type::kU8, 64);
    publisher_ = must(node_->advertise(options));
    publish(*publisher_, kCount, ns_per_tick_);
  }

  // How much greater the 99th percentile is between `begin` and `end`.
  void compare(const char* what, const std::function<void()>& begin, const std::function<void()>& end) {
    std::vector<double> without, difference;
    double max_ms = 0, p99_ns = 0;
    uint64_t waits = 0;
    const uint64_t bytes = root_.bytes();
    for (uint64_t i = 0; i < scaled(3, 10); ++i) {
      std::vector<Publishing> a, b;
      const auto with = [&] {
        begin();
        b.push_back(publish(*publisher_, kCount, ns_per_tick_));
        end();
      };
      a.push_back(publish(*publisher_, kCount, ns_per_tick_));
      with(), with();
      a.push_back(publish(*publisher_, kCount, ns_per_tick_));
      for (size_t k = 0; k < 2; ++k) {
        without.push_back(a[k].p99_ns);
        difference.push_back(b[k].p99_ns - a[k].p99_ns);
        waits += b[k].waits;
        max_ms = std::max(max_ms, b[k].max_ms);
        p99_ns = std::max(p99_ns, b[k].p99_ns);
      }
    }
    const double grown_ns = bench::median_of(difference), base_ns = bench::median_of(without);
    const double hand_over_ns = measure_hand_over_ns(ns_per_tick_);
    const double limit_ns =
        std::max({200.0, base_ns / 10, 3 * hand_over_ns}) * static_cast<double>(patience_factor());
    print_figures(
        "readers: {}: p99 of publish {:.0f} ns without, grown by {:.0f} ns (a line's hand-over {:.0f} ns), "
        "{} "
        "waits, max {:.3f} ms",
        what, base_ns, grown_ns, hand_over_ns, waits, max_ms);
    print_row(Row{.id = "L6",
                  .what = what,
                  .n = 2 * scaled(3, 10) * kCount,
                  .violations = waits + (grown_ns > limit_ns) + (root_.bytes() != bytes),
                  .max_ms = max_ms,
                  .p99_ms = p99_ns / 1e6});
    EXPECT_LE(grown_ns, limit_ns);
    EXPECT_EQ(waits, 0u);
    EXPECT_EQ(root_.bytes(), bytes);
  }

  static constexpr uint64_t kCount = 20'000;
  const double ns_per_tick_ = bench::measure_ns_per_tick();
  TempRoot root_;
  Domain domain_ = root_.open();
  std::unique_ptr<Node> node_;
  std::optional<Publisher> publisher_;
};

TEST_F(ReadersTest, AHundredThatNeverPauseDoNotSlowTheWriterDown) {
  Child readers = Child::spawn("readers", {root_.path(), "100"});
  ASSERT_EQ(readers.line(), "ready");
  const auto turn = [&](const char* now) {
    readers.tell();
    EXPECT_EQ(readers.line(), now);
  };
  compare(
      "writer beside 100 readers that never pause", [&] { turn("reading"); }, [&] { turn("idle"); });
}

TEST_F(ReadersTest, ThoseStoppedInTheMiddleOfAReadDoNotHoldTheWriterUp) {
  std::vector<Child> readers;
  for (int i = 0; i < 8; ++i) {
    readers.push_back(Child::spawn("readers", {root_.path(), "1"}));
    ASSERT_EQ(readers.back().line(), "ready");
  }
  const auto begin = [&] {
    for (Child& reader : readers) {
      reader.tell();
      EXPECT_EQ(reader.line(), "reading");
      kill(reader.pid(), SIGSTOP);
      waitpid(reader.pid(), nullptr, WUNTRACED);
    }
  };
  const auto end = [&] {
    for (Child& reader : readers) {
      kill(reader.pid(), SIGCONT);
      reader.tell();
      EXPECT_EQ(reader.line(), "idle");
    }
  };
  compare("writer beside 8 readers stopped while they read", begin, end);
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"readers", readers}};

}  // namespace smt::storm
