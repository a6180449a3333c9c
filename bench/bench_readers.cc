// Do readers slow the publisher down, one of them stopped in the middle of its life? Does `smttopic hz`?
//
// Each publish is timed by the core's tick counter, which costs some 10 ns itself and may move in steps of as
// much. Readers run on core 0, the publisher on core 1. Without and with readers take turns as A B B A, so
// that a drift of the machine cancels out.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "bench/baselines.h"
#include "bench/measure.h"
#include "bench/process.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/reader.h"

namespace smt::bench {
namespace {

constexpr char kTopic[] = "bench/readers";
using Reads = std::atomic<uint64_t>;

[[noreturn]] void read_at_100_hz(const Domain& domain, Reads* reads) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin(0);
  Reader reader = check(Reader::open(domain, kTopic));
  const timespec period = {0, 10'000'000};
  for (;;) {
    if (reader.latest() != nullptr) reads->fetch_add(1);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &period, nullptr);
  }
}

// Processes that read; with more than one, the first is stopped.
class Readers {
 public:
  Readers(const Domain& domain, int count, Reads* reads) {
    for (int i = 0; i < count; ++i) {
      reads[i].store(0);
      const pid_t reader = fork();
      if (reader == 0) read_at_100_hz(domain, &reads[i]);
      readers_.push_back(reader);
    }
    for (int i = 0; i < count; ++i) {
      while (reads[i].load() == 0) sched_yield();
    }
    if (count > 1) {
      kill(readers_[0], SIGSTOP);
      waitpid(readers_[0], nullptr, WUNTRACED);
    }
  }
  ~Readers() {
    for (const pid_t reader : readers_) kill(reader, SIGKILL);
    for (const pid_t reader : readers_) waitpid(reader, nullptr, 0);
  }

 private:
  std::vector<pid_t> readers_;
};

// `smttopic hz` on core 0, measuring.
Process start_hz(const Domain& domain) {
  const std::filesystem::path folder = domain.path();
  Fd out;
  Process hz = Process::execute(0,
                                {bin_folder() + "/smttopic", "--root", folder.parent_path(), "--domain",
                                 folder.filename(), "hz", kTopic, "-f", "jsonl"},
                                "/dev/null", &out);
  char line;
  if (read(out.get(), &line, 1) != 1) fail(Status(Code::kSystem, "smttopic hz prints nothing"));
  return hz;
}

// p99 in ns of publishing without pause for a while.
double publish_p99(Publisher* publisher, int64_t duration_ns, double ns_per_tick) {
  std::vector<uint32_t> histogram(1 << 16);
  uint64_t count = 0;
  std::vector<std::byte> value(64);
  for (const int64_t end = now_ns() + duration_ns; now_ns() < end;) {
    for (int i = 0; i < 256; ++i, ++count) {
      const uint64_t begin = read_ticks();
      check(publisher->publish(value, 1, 1));
      ++histogram[std::min<uint64_t>(read_ticks() - begin, histogram.size() - 1)];
    }
  }
  uint64_t above = count / 100;
  size_t ticks = histogram.size() - 1;
  while (histogram[ticks] <= above) above -= histogram[ticks--];
  return static_cast<double>(ticks) * ns_per_tick;
}

Report run(const Options& options, const Domain& domain) {
  pin(1);
  const int quads = options.choose(10, 3, 1);
  const int64_t duration_ns = options.choose(200, 100, 10) * int64_t{1'000'000};
  const double ns_per_tick = measure_ns_per_tick();
  Report report(fmt::format("readers: p99 in ns of publishing 64 bytes without time stamps, {} A B B A pairs",
                            2 * quads),
                {"no reader"});
  auto* reads = static_cast<Reads*>(shared_memory(100 * sizeof(Reads)));
  const auto node = check(Node::open(domain, {.name = "bench"}));
  Publisher publisher = check(node->advertise(bytes_topic(kTopic, 64)));
  publish_p99(&publisher, duration_ns, ns_per_tick);

  // Without and with, in turns; `begin` starts who reads and returns what stops them at its end.
  const auto compare = [&](const std::string& group, const auto& begin, const auto& all_reads) {
    std::vector<double> without, with, difference, read_hz;
    const auto a = [&] { without.push_back(publish_p99(&publisher, duration_ns, ns_per_tick)); };
    const auto b = [&] {
      const auto readers = begin();
      const uint64_t before = all_reads();
      const int64_t from = now_ns();
      with.push_back(publish_p99(&publisher, duration_ns, ns_per_tick));
      const auto took = static_cast<double>(now_ns() - from);
      read_hz.push_back(static_cast<double>(all_reads() - before) * 1e9 / took);
    };
    for (int i = 0; i < quads; ++i) a(), b(), b(), a();
    for (size_t i = 0; i < with.size(); ++i) difference.push_back(with[i] - without[i]);
    report.add(group, "no reader", without);
    report.add(group, "with readers", with);
    report.add(group, "difference of each pair", difference, "ns");
    if (median_of(read_hz) != 0) report.add(group, "reads meanwhile", read_hz, "Hz");
    // Within 200 ns or within 10 %, whichever is more.
    return std::pair(median_of(difference), std::max(200.0, median_of(without) / 10));
  };
  for (const int count : {1, 100}) {
    const auto [grows, limit] = compare(
        count == 1 ? "1 reader at 100 Hz" : "100 readers at 100 Hz, one of them stopped",
        [&] { return Readers(domain, count, reads); },
        [&] {
          return std::accumulate(reads, reads + count, uint64_t{0},
                                 [](uint64_t sum, const Reads& r) { return sum + r.load(); });
        });
    if (count == 100) report.accept("p99 of publish grows with 100 readers by", grows, limit, "ns");
  }
  const auto [grows, limit] = compare(
      "smttopic hz", [&] { return start_hz(domain); }, [] { return 0; });
  report.accept("p99 of publish grows beside smttopic hz by", grows, limit, "ns");
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
