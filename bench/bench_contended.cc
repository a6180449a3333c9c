// What does a read cost while a writer in another process publishes without pause, and how often is it in
// vain?
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "bench/baselines.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/reader.h"

namespace smt::bench {
namespace {

enum Medium : int { kIdle, kTopic, kSeqlock, kRwlock };

// Between the process that reads and the one that writes.
struct Control {
  std::atomic<int> medium{kIdle};  // what the writer is to write to
  std::atomic<int> writing{-1};    // what it writes to: set once it has begun
  std::atomic<uint64_t> published{0};
};

// The value proves itself: its first and last word are equal, or it is torn.
struct Value {
  explicit Value(size_t bytes) : words(bytes / 8) {}
  void set(uint64_t n) { words.front() = words.back() = n; }
  bool torn() const { return words.front() != words.back(); }
  size_t bytes() const { return words.size() * 8; }

  std::vector<uint64_t> words;
};

[[noreturn]] void write_values(const Domain& domain, const std::string& topic, size_t bytes,
                               OneSlotSeqlock* seqlock, RwlockTopic* rwlock, Control* control) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(1);
  const auto node = check(Node::open(domain, {.name = "writer"}));
  Publisher publisher = check(node->advertise(bytes_topic(topic, bytes)));
  Value value(bytes);
  for (uint64_t n = 1;; ++n) {
    const int medium = control->medium.load(std::memory_order_relaxed);
    value.set(n);
    if (medium == kTopic) check(publisher.publish(std::as_bytes(std::span(value.words)), 1, 1));
    if (medium == kSeqlock) seqlock->publish(value.words.data(), bytes);
    if (medium == kRwlock) rwlock->publish(value.words.data(), bytes);
    if (medium != kIdle) control->published.store(n, std::memory_order_relaxed);
    if (control->writing.load(std::memory_order_relaxed) != medium) control->writing.store(medium);
  }
}

struct Outcome {
  double ns_per_read, retries_percent, ns_per_publish;
};

// Reads for a while under a busy writer. `attempt` returns whether a whole value was read.
template <class Attempt, class Retries>
Outcome read_values(Control* control, Medium medium, int64_t duration_ns, const Value& value, Attempt attempt,
                    Retries retries) {
  control->medium.store(medium);
  while (control->writing.load() != medium) {
  }
  const uint64_t retries_before = retries(), published_before = control->published.load();
  const int64_t begin = now_ns();
  uint64_t good = 0, bad = 0;
  int64_t took = 0;
  for (; took < duration_ns; took = now_ns() - begin) {
    for (int i = 0; i < 16; ++i) {
      if (!attempt()) {
        ++bad;
        continue;
      }
      ++good;
      if (value.torn()) fail(Status(Code::kSystem, "a torn value was read"));
    }
  }
  const auto published = static_cast<double>(control->published.load() - published_before);
  const auto in_vain = static_cast<double>(bad + retries() - retries_before);
  control->medium.store(kIdle);
  while (control->writing.load() != kIdle) {
  }
  const auto ns = static_cast<double>(took), reads = static_cast<double>(good);
  return {good != 0 ? ns / reads : ns, 100 * in_vain / (in_vain + reads), ns / published};
}

void measure(const Options& options, const Domain& domain, const std::string& label, size_t bytes,
             Report* report) {
  const std::string topic = fmt::format("bytes/{}", bytes);
  OneSlotSeqlock seqlock(bytes);
  RwlockTopic rwlock(bytes);
  auto* control = new (shared_memory(sizeof(Control))) Control;
  const pid_t writer = fork();
  if (writer == 0) write_values(domain, topic, bytes, &seqlock, &rwlock, control);
  while (control->writing.load() != kIdle) {
  }
  pin(0);
  Reader reader = check(Reader::open(domain, topic));
  Value value(bytes);
  SampleHead head;

  const int rounds = options.choose(15, 5, 1);
  const int64_t duration_ns = options.choose(60'000'000, 20'000'000, 2'000'000);
  const auto none = [] { return uint64_t{0}; };
  std::vector<double> ns[3], retries[3], publish[3];
  const char* const names[] = {"latest_into", "seqlock", "rwlock"};
  for (int round = 0; round < rounds; ++round) {
    const Outcome outcomes[] = {
        read_values(
            control, kTopic, duration_ns, value,
            [&] { return reader.latest_into(value.words.data(), value.bytes(), &head); },
            [&] { return reader.retries(); }),
        read_values(
            control, kSeqlock, duration_ns, value, [&] { return seqlock.read(value.words.data(), bytes); },
            none),
        read_values(
            control, kRwlock, duration_ns, value,
            [&] {
              rwlock.read(value.words.data(), bytes);
              return true;
            },
            none)};
    for (int i = 0; i < 3; ++i) {
      ns[i].push_back(outcomes[i].ns_per_read);
      retries[i].push_back(outcomes[i].retries_percent);
      publish[i].push_back(outcomes[i].ns_per_publish);
    }
  }
  kill(writer, SIGKILL);
  waitpid(writer, nullptr, 0);
  for (int i = 0; i < 3; ++i) report->add("good read of " + label, names[i], ns[i]);
  for (int i = 0; i < 3; ++i) report->add("reads in vain, " + label, names[i], retries[i], "%");
  for (int i = 0; i < 3; ++i) report->add("publish meanwhile, " + label, names[i], publish[i]);
  if (bytes == 64 << 10) report->accept("reads of 64 KiB in vain", median_of(retries[0]), 1, "%");
}

Report run(const Options& options, const Domain& domain) {
  Report report("contended: ns per good read while another process publishes without pause on the other core",
                {"seqlock", "rwlock"});
  measure(options, domain, "8 B", 8, &report);
  measure(options, domain, "1 KiB", 1 << 10, &report);
  measure(options, domain, "64 KiB", 64 << 10, &report);
  measure(options, domain, "1 MiB", 1 << 20, &report);
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
