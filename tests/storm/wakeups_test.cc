// Waiters are killed asleep and awake, the writer anywhere, also after it has cleared the bell and before it
// wakes anybody: no waiter sleeps on while there is something to read.
//
// Each waiter measures how long after a sample was written (or after it went to sleep, if that was later) it
// woke up with that sample there. A wake-up that is lost costs up to the probe of 40 ms; rarely that is
// right, as when the writer died; the bound on the 99th percentile says that it is rare.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"
#include "storm/die_before_wake.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

constexpr const char* kTopic = "ring";
constexpr size_t kWaiters = 4;  // processes; every other one uses a Waiter, the rest Reader::wait

// How late wake-ups came.
struct Lateness {
  std::array<std::atomic<uint64_t>, 1'000> steps;  // of 100 us
  std::atomic<uint64_t> max_ns;

  void add(int64_t late_ns) {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(late_ns, 0));
    steps[std::min<uint64_t>(ns / 100'000, steps.size() - 1)].fetch_add(1);
    for (uint64_t max = max_ns.load(); ns > max && !max_ns.compare_exchange_weak(max, ns);) {
    }
  }
  uint64_t count() const {
    uint64_t sum = 0;
    for (const auto& n : steps) sum += n.load();
    return sum;
  }
  double percentile_ms(double percent) const {
    const double rank = percent / 100 * static_cast<double>(count());
    uint64_t sum = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      sum += steps[i].load();
      if (static_cast<double>(sum) >= rank) return static_cast<double>(i + 1) / 10;
    }
    return 100;
  }
  double max_ms() const { return static_cast<double>(max_ns.load()) / 1e6; }
  std::string text() const {
    return fmt::format("{} wake-ups, late p50 < {:.1f} p99 < {:.1f} p99.9 < {:.1f} max {:.1f} ms", count(),
                       percentile_ms(50), percentile_ms(99), percentile_ms(99.9), max_ms());
  }
};

// Shared by all processes of the test; outlives any of them.
struct Tally {
  Lateness by_reader, by_waiter;
  std::atomic<uint64_t> deaths_before_wake;
  std::array<std::atomic<uint64_t>, kWaiters> last_sequence;
};

// The tally of a test, in a file beside the domain.
Tally* map_tally(const std::string& root) {
  const Fd fd(open((root + "/tally").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (ftruncate(fd.get(), sizeof(Tally)) != 0) must(Status::from_errno("tally", errno));
  void* at = mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) must(Status::from_errno("tally", errno));
  return static_cast<Tally*>(at);
}

// Mode "publisher" ROOT: publishes with gaps of up to 20 us; after a random number of publications it dies as
// soon as it has cleared the bell, before it wakes the futex, or before it writes a FIFO.
int publisher_process(const Args& args) {
  const Domain domain = open_domain(args[0]);
  Tally* tally = map_tally(args[0]);
  auto node = must(Node::open(domain, {.name = "ringer"}));
  TopicOptions options;
  options.name = kTopic;
  options.schema = Schema::scalar(Type::kU64);
  options.history = 1 << 16;
  Publisher publisher = must(node->advertise(options));
  const uint64_t life = 1 + random_below(5'000);
  for (uint64_t n = 1;; ++n) {
    if (n == life) {
      arm_death(random_below(2) == 0 ? DieBefore::kFutexWake : DieBefore::kFifoWrite,
                &tally->deaths_before_wake);
    }
    const uint64_t value = publisher.position() + 1;
    must(publisher.publish(std::as_bytes(std::span(&value, 1))));
    const int64_t until = boottime_ns() + static_cast<int64_t>(random_below(20'000));
    while (boottime_ns() < until) {
    }
  }
}

// Mode "waiter" ROOT PLACE: waits for ever.
int waiter_process(const Args& args) {
  const Domain domain = open_domain(args[0]);
  Tally* tally = map_tally(args[0]);
  const size_t place = std::stoul(args[1]);
  Reader reader = must(Reader::open(domain, kTopic));
  std::optional<Waiter> waiter;
  if (place % 2 == 0) waiter = must(Waiter::open(domain));
  for (;;) {
    while (const Sample* sample = reader.next()) tally->last_sequence[place].store(sample->sequence);
    const int64_t asleep_at = boottime_ns();
    if (waiter) {
      waiter->wait(milliseconds(1'000));
    } else {
      reader.wait(milliseconds(1'000));
    }
    const int64_t awake_at = boottime_ns();
    if (const Sample* sample = reader.next()) {
      (waiter ? tally->by_waiter : tally->by_reader).add(awake_at - std::max(asleep_at, sample->written_ns));
      tally->last_sequence[place].store(sample->sequence);
    } else if (waiter && reader.writers().empty()) {
      (void)reader.refresh();  // the topic is not there yet
    }
  }
}

TEST(Wakeups, NoWaiterSleepsOnASampleThatIsThere) {
  const uint64_t target = scaled(100'000, 1'000'000);
  TempRoot root;
  const Domain domain = root.open();
  const Tally* tally = map_tally(root.path());
  std::array<Child, kWaiters> waiters;
  const auto start_waiter = [&](size_t place) {
    waiters[place] = Child::spawn("waiter", {root.path(), std::to_string(place)});
  };
  for (size_t place = 0; place < kWaiters; ++place) start_waiter(place);
  Child publisher = Child::spawn("publisher", {root.path()});
  Reader newest = must(Reader::open(domain, kTopic));
  uint64_t sequence = 0, waiter_kills = 0, writer_kills = 0;
  const int64_t deadline = boottime_ns() + 280'000'000'000;
  while (sequence < target) {
    ASSERT_LT(boottime_ns(), deadline) << "only " << sequence << " of " << target << " publications";
    elapse(std::chrono::microseconds(random_below(20'000)));
    if (newest.writers().empty()) (void)newest.refresh();
    if (const Sample* sample = newest.latest()) sequence = sample->sequence;
    if (publisher.ended() || random_below(8) == 0) {
      publisher.kill();
      ++writer_kills;
      // Sometimes nobody comes to ring the bell that the dead writer has left.
      if (random_below(8) == 0) elapse(milliseconds(150));
      publisher = Child::spawn("publisher", {root.path()});
    }
    if (random_below(2) == 0) {
      const size_t place = random_below(kWaiters);
      waiters[place].kill();
      ++waiter_kills;
      start_waiter(place);
    }
  }
  publisher.kill();
  sequence = newest.latest()->sequence;
  for (size_t place = 0; place < kWaiters; ++place) {
    EXPECT_TRUE(await(milliseconds(5'000), [&] { return tally->last_sequence[place] == sequence; }))
        << "waiter " << place << " stands at " << tally->last_sequence[place] << " of " << sequence;
  }
  print_figures(
      "wakeups: {} publications, {} waiters killed, {} writers killed ({} with the bell cleared and nobody "
      "woken); "
      "Reader: {}; Waiter: {}",
      sequence, waiter_kills, writer_kills, tally->deaths_before_wake.load(), tally->by_reader.text(),
      tally->by_waiter.text());
  EXPECT_GT(tally->deaths_before_wake.load(), target / 100'000);
  for (const Lateness* lateness : {&tally->by_reader, &tally->by_waiter}) {
    EXPECT_GT(lateness->count(), 20u);
    EXPECT_LT(lateness->max_ms(), 100.0 * static_cast<double>(patience_factor()));
    EXPECT_LT(lateness->percentile_ms(99), 10.0 * static_cast<double>(patience_factor()));
  }
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"publisher", publisher_process}, {"waiter", waiter_process}};

}  // namespace smt::storm
