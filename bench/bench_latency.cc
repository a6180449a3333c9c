// How long from just before publish until a reader on the other core holds the whole value?
#include <fmt/format.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "bench/baselines.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"

namespace smt::bench {
namespace {

enum Medium : int { kTopic, kSeqlock, kRwlock, kFutex };

// Between the process that receives and the one that sends.
struct Control {
  std::atomic<uint64_t> wanted{0};  // the receiver is ready for value number `wanted`
  std::atomic<int> medium{kTopic};
  std::atomic<int64_t> pause_ns{0};  // from then on until it is sent, so that a receiver that waits is asleep
  std::atomic<bool> ready{false};
  std::atomic<uint32_t> word{0};  // of the futex that stands beside the seqlock
};

long futex(std::atomic<uint32_t>* word, int operation, uint32_t value) {
  return syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
}

// Values carry the time of sending in their first and last word.
[[noreturn]] void send_values(const Domain& domain, const std::string& topic, size_t bytes,
                              OneSlotSeqlock* seqlock, RwlockTopic* rwlock, Control* control) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  const auto node = check(Node::open(domain, {.name = fmt::format("sender-{}", bytes)}));
  Publisher publisher = check(node->advertise(bytes_topic(topic, bytes)));
  std::vector<int64_t> value(bytes / 8);
  control->ready.store(true);
  for (uint64_t n = 1;; ++n) {
    while (control->wanted.load() != n) {
    }
    const int64_t due = now_ns() + control->pause_ns.load();
    while (now_ns() < due) {
    }
    value.front() = value.back() = now_ns();
    switch (control->medium.load()) {
      case kTopic:
        check(publisher.publish(std::as_bytes(std::span(value)), 1, 1));
        break;
      case kSeqlock:
        seqlock->publish(value.data(), bytes);
        break;
      case kRwlock:
        rwlock->publish(value.data(), bytes);
        break;
      case kFutex:
        seqlock->publish(value.data(), bytes);
        control->word.fetch_add(1);
        futex(&control->word, FUTEX_WAKE, 1);
        break;
    }
  }
}

struct Receiver {
  Receiver(const Domain& domain, const std::string& topic, size_t bytes)
      : seqlock(bytes),
        rwlock(bytes),
        control(new (shared_memory(sizeof(Control))) Control),
        value(bytes / 8) {
    sender = fork();
    if (sender == 0) send_values(domain, topic, bytes, &seqlock, &rwlock, control);
    while (!control->ready.load()) {
    }
    reader.emplace(check(Reader::open(domain, topic)));
    waiter.emplace(check(Waiter::open(domain)));
  }
  ~Receiver() {
    kill(sender, SIGKILL);
    waitpid(sender, nullptr, 0);
  }

  // Latencies of `samples` values, each received by `receive`, which returns its words.
  template <class Receive>
  std::vector<double> measure(Medium medium, int64_t pause_ns, int samples, Receive receive) {
    control->medium.store(medium);
    control->pause_ns.store(pause_ns);
    std::vector<double> latencies;
    for (int i = 0; i < samples; ++i) {
      control->wanted.fetch_add(1);
      const int64_t* words = receive();
      const int64_t now = now_ns();
      if (words[0] != words[value.size() - 1]) fail(Status(Code::kSystem, "a torn value was received"));
      latencies.push_back(static_cast<double>(now - words[0]));
    }
    return latencies;
  }

  const int64_t* next() {
    const Sample* s = reader->next();
    return s == nullptr ? nullptr : reinterpret_cast<const int64_t*>(s->bytes.data());
  }
  const int64_t* spin_topic() {
    const int64_t* words;
    while ((words = next()) == nullptr) {
    }
    return words;
  }
  const int64_t* spin_seqlock() {
    while (seqlock.lock() == lock || !seqlock.read(value.data(), value.size() * 8)) {
    }
    lock = seqlock.lock();
    return value.data();
  }
  const int64_t* spin_rwlock() {
    while (!rwlock.read_new(value.data(), value.size() * 8, &rwlock_sequence)) {
    }
    return value.data();
  }
  const int64_t* wait_reader() {
    const int64_t* words;
    while ((words = next()) == nullptr) reader->wait(std::chrono::seconds(1));
    return words;
  }
  const int64_t* wait_waiter() {
    const int64_t* words;
    while ((words = next()) == nullptr) waiter->wait(std::chrono::seconds(1));
    return words;
  }
  const int64_t* wait_futex() {
    for (uint32_t word = control->word.load(); seqlock.lock() == lock || seqlock.lock() % 2 != 0;
         word = control->word.load()) {
      futex(&control->word, FUTEX_WAIT, word);
    }
    return spin_seqlock();
  }

  OneSlotSeqlock seqlock;
  RwlockTopic rwlock;
  Control* control;
  pid_t sender;
  std::optional<Reader> reader;
  std::optional<Waiter> waiter;
  std::vector<int64_t> value;
  uint64_t lock = 0, rwlock_sequence = 0;
};

void measure(const Options& options, const Domain& domain, const std::string& label, size_t bytes,
             Report* report) {
  Receiver r(domain, fmt::format("bytes/{}", bytes), bytes);
  const int rounds = options.choose(9, 5, 1), samples = options.choose(200, 60, 10);
  struct Case {
    const char *how, *name;
    std::function<std::vector<double>()> run;
    std::vector<double> p50, p99;
  };
  const int64_t spin_pause = 5'000, sleep_pause = 100'000;
  Case cases[] = {
      {"spinning",
       "next",
       [&] { return r.measure(kTopic, spin_pause, samples, [&] { return r.spin_topic(); }); },
       {},
       {}},
      {"spinning",
       "seqlock",
       [&] { return r.measure(kSeqlock, spin_pause, samples, [&] { return r.spin_seqlock(); }); },
       {},
       {}},
      {"spinning",
       "rwlock",
       [&] { return r.measure(kRwlock, spin_pause, samples, [&] { return r.spin_rwlock(); }); },
       {},
       {}},
      {"asleep",
       "Reader::wait",
       [&] { return r.measure(kTopic, sleep_pause, samples, [&] { return r.wait_reader(); }); },
       {},
       {}},
      {"asleep",
       "Waiter::wait",
       [&] { return r.measure(kTopic, sleep_pause, samples, [&] { return r.wait_waiter(); }); },
       {},
       {}},
      {"asleep",
       "futex",
       [&] { return r.measure(kFutex, sleep_pause, samples, [&] { return r.wait_futex(); }); },
       {},
       {}},
  };
  for (int round = 0; round < rounds; ++round) {
    for (Case& c : cases) {
      const std::vector<double> latencies = c.run();
      c.p50.push_back(percentile(latencies, 0.5));
      c.p99.push_back(percentile(latencies, 0.99));
    }
  }
  for (const Case& c : cases) report->add(fmt::format("{}, {}, p50", label, c.how), c.name, c.p50);
  for (const Case& c : cases) report->add(fmt::format("{}, {}, p99", label, c.how), c.name, c.p99);
}

Report run(const Options& options, const Domain& domain) {
  pin(0);
  Report report("latency: ns from just before publish until a reader on the other core holds the value",
                {"seqlock", "rwlock", "futex"});
  measure(options, domain, "8 B", 8, &report);
  measure(options, domain, "64 KiB", 64 << 10, &report);
  measure(options, domain, "1 MiB", 1 << 20, &report);
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
