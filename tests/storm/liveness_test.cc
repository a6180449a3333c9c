// A dead writer is seen soon and its topic taken over soon, from another PID namespace too, and a child that
// the writer left behind does not keep the topic alive.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "shm/node.h"
#include "shm/reader.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

Publisher advertise_beat(Node& node) {
  TopicOptions options;
  options.name = "beat";
  options.schema = Schema::scalar(Type::kU64);
  return must(node.advertise(options));
}

Status publish_pid(Publisher& publisher) {
  const uint64_t pid = static_cast<uint64_t>(getpid());
  return publisher.publish(std::as_bytes(std::span(&pid, 1)));
}

// Mode "writer" ROOT: publishes once when told to begin, then lives on.
int writer(const Args& args) {
  const Domain domain = open_domain(args[0]);
  say_line("ready");
  if (!wait_for_word()) return 0;
  auto node = must(Node::open(domain, {.name = "writer"}));
  Publisher beat = advertise_beat(*node);
  must(publish_pid(beat));
  wait_for_word();
  return 0;
}

// Mode "forker" ROOT: publishes, forks, and says what publishing in the forked child came to. That child
// lives until the standard input, which it shares, ends.
int forker(const Args& args) {
  const Domain domain = open_domain(args[0]);
  auto node = must(Node::open(domain, {.name = "writer"}));
  Publisher beat = advertise_beat(*node);
  must(publish_pid(beat));
  if (fork() == 0) {
    const Status published = publish_pid(beat);
    say_line(published.code() == Code::kForked ? "forked" : "published");
    wait_for_word();
    _exit(0);
  }
  for (;;) pause();
}

// Waits for the next sample that this reader has not had.
testing::AssertionResult gets_sample(Reader& reader, milliseconds limit) {
  const int64_t end = boottime_ns() + nanoseconds(limit).count();
  while (boottime_ns() < end) {
    if (reader.wait(milliseconds(1'000)) == Woke::kSample && reader.next() != nullptr) {
      return testing::AssertionSuccess();
    }
  }
  return testing::AssertionFailure() << "no sample within " << limit.count() << " ms";
}

// Kills the child while the reader waits; how long after that the reader knows, or -1. The child is not
// reaped.
int64_t time_to_source_dead(Reader& reader, Child& child, int64_t* killed_at) {
  const auto delay = nanoseconds(random_below(10'000'000));
  std::thread killer([&] {
    elapse(delay);
    *killed_at = boottime_ns();
    child.kill_now();
  });
  int64_t seen = -1;
  const int64_t end = boottime_ns() + 10'000'000'000;
  while (boottime_ns() < end) {
    if (reader.wait(milliseconds(1'000)) == Woke::kState && reader.state() == State::kSourceDead) {
      seen = boottime_ns();
      break;
    }
  }
  killer.join();
  return seen < 0 ? -1 : seen - *killed_at;
}

void measure_deaths(const char* what, bool new_pid_namespace) {
  TempRoot root;
  const Domain domain = root.open();
  Reader reader = must(Reader::open(domain, "beat"));
  Latencies seen, taken_over;
  Child writer = Child::spawn("writer", {root.path()}, new_pid_namespace);
  ASSERT_EQ(writer.line(), "ready");
  writer.tell();
  ASSERT_TRUE(gets_sample(reader, milliseconds(10'000)));
  for (uint64_t cycle = 0; cycle < scaled(100, 500); ++cycle) {
    Child spare = Child::spawn("writer", {root.path()}, new_pid_namespace);
    ASSERT_EQ(spare.line(), "ready");
    int64_t killed_at = 0;
    const int64_t dead_after = time_to_source_dead(reader, writer, &killed_at);
    ASSERT_GE(dead_after, 0) << "the death of cycle " << cycle << " was not seen";
    seen.add(dead_after);
    writer.wait();
    spare.tell();
    ASSERT_TRUE(gets_sample(reader, milliseconds(10'000)));
    taken_over.add(boottime_ns() - killed_at);
    EXPECT_EQ(reader.state(), State::kFresh);
    writer = std::move(spare);
  }
  EXPECT_EQ(reader.reopened(), 0u);
  print_figures("liveness, {}: dead seen {}; taken over {}", what, seen.text(), taken_over.text());
  const auto row = [&](const char* measured, Latencies& latencies, double limit_ms) {
    const bool good = latencies.percentile_ms(99) < limit_ms * static_cast<double>(patience_factor());
    print_row(Row{.id = "L3",
                  .what = fmt::format("{}, {}", measured, what),
                  .n = latencies.count(),
                  .violations = good ? 0u : 1u,
                  .max_ms = latencies.percentile_ms(100),
                  .p99_ms = latencies.percentile_ms(99),
                  .seed = seed_of_run()});
    EXPECT_TRUE(good) << measured << ": p99 must be below " << limit_ms << " ms";
  };
  row("death seen", seen, 50);
  row("taken over", taken_over, 100);
}

TEST(Liveness, ADeadWriterIsSeenAndItsTopicTakenOver) { measure_deaths("same PID namespace", false); }

TEST(Liveness, ADeadWriterIsSeenAndItsTopicTakenOverAcrossPidNamespaces) {
  if (geteuid() != 0) {
    print_row(Row{.id = "L3", .what = "other PID namespace", .skip = "needs root for clone(CLONE_NEWPID)"});
    GTEST_SKIP() << "needs root for clone(CLONE_NEWPID)";
  }
  measure_deaths("other PID namespace", true);
}

TEST(Liveness, AForkedChildNeitherPublishesNorKeepsTheTopicAlive) {
  TempRoot root;
  const Domain domain = root.open();
  Latencies free;
  for (uint64_t cycle = 0; cycle < scaled(10, 100); ++cycle) {
    Reader reader = must(Reader::open(domain, "beat"));
    Child forker = Child::spawn("forker", {root.path()});
    ASSERT_EQ(forker.line(), "forked");
    ASSERT_EQ(reader.refresh().message(), "");
    const Sample* newest = reader.latest();
    ASSERT_NE(newest, nullptr);
    uint64_t publisher_pid = 0;
    memcpy(&publisher_pid, newest->bytes.data(), std::min(sizeof publisher_pid, newest->bytes.size()));
    EXPECT_EQ(publisher_pid, static_cast<uint64_t>(forker.pid())) << "the forked child's value was published";
    int64_t killed_at = 0;
    const int64_t dead_after = time_to_source_dead(reader, forker, &killed_at);
    ASSERT_GE(dead_after, 0) << "the forked child keeps the topic alive";
    must(Node::open(domain, {.name = "writer"}));
    free.add(boottime_ns() - killed_at);
    forker.wait();  // which lets the forked child end
  }
  print_figures("liveness, parent killed, forked child lives: seen and taken over {}", free.text());
  const bool good = free.percentile_ms(100) < 50.0 * static_cast<double>(patience_factor());
  print_row(Row{.id = "L12",
                .what = "topic free although a forked child lives",
                .n = free.count(),
                .violations = good ? 0u : 1u,
                .max_ms = free.percentile_ms(100),
                .p99_ms = free.percentile_ms(99),
                .seed = seed_of_run()});
  EXPECT_TRUE(good) << "the topic must be free within 50 ms";
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"writer", writer}, {"forker", forker}};

}  // namespace smt::storm
