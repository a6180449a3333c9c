#include "bench/relay/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "bench/baselines.h"
#include "bench/relay/writer.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

constexpr unsigned kLimitS = 60;  // of one trial, whatever happens in it
// For the first value while it is measured: a moment may be too short for a large one on a busy machine.
constexpr int64_t kFirstValueNs = 10 * kSecond;

void sleep_ns(int64_t ns) { sleep_until(boottime_ns() + ns); }

// All that the processes of a trial say goes to its log; this is the last word there.
[[noreturn]] void give_up(const std::string& why) { fail(Status(Code::kSystem, why)); }

struct Trial {
  const Variant& variant;
  const Load& load;
  Control* control;
  Cast cast;

  // Topics that readers have seen, all subscribers together.
  int seen() const {
    int sum = 0;
    for (int i = 0; i < load.subscribers; ++i) sum += control->watched[i].topics.load();
    return sum;
  }
  // Until everything has arrived once; where some may never do so, until something has and 1 s is over.
  void settle() {
    const int all = cast.readers.empty() ? load.subscribers : load.watched() * load.subscribers;
    const int64_t limit = 8000 * kMs + load.topics * kMs / 5, begin = boottime_ns();
    while (seen() < all || !cast.complete()) {
      check();
      const int64_t took = boottime_ns() - begin;
      if (variant.lossy && seen() > 0 && took > 1000 * kMs) break;
      if (took > limit) give_up(fmt::format("only {} of {} topics arrived", seen(), all));
      sleep_ns(10 * kMs);
    }
    if (load.silent) control->quiet.store(true);
    sleep_ns(load.silent ? 400 * kMs : 150 * kMs);
  }

  Figures measure(double seconds) {
    const int64_t begin = boottime_ns();
    const uint64_t offered = control->offered.load(), updates = cast.updates(),
                   scrapes = control->scrapes.load();
    const double sender = cast.sender.cpu_s(), receivers = cpu_s(cast.receivers),
                 between = cpu_s(cast.between);
    control->measuring.store(true);
    sleep_ns(static_cast<int64_t>(seconds * 1e9));
    if (!load.silent) wait_for_values(updates);
    control->measuring.store(false);
    const double took = static_cast<double>(boottime_ns() - begin) * 1e-9;
    Figures f;
    f.sender_cpu = (cast.sender.cpu_s() - sender) / took;
    f.receivers_cpu = (cpu_s(cast.receivers) - receivers) / took;
    f.between_cpu = (cpu_s(cast.between) - between) / took;
    f.offered_hz = static_cast<double>(control->offered.load() - offered) / took;
    f.scrapes_hz = static_cast<double>(control->scrapes.load() - scrapes) / took;
    f.delivered_hz = static_cast<double>(cast.updates() - updates) / took / load.subscribers;
    check();
    if (!cast.askers.empty() && f.scrapes_hz == 0) give_up("no scrape was answered");
    return f;
  }

  void latency(Figures* f) const {
    const auto all = std::make_unique<Histogram>();
    for (int i = 0; i < load.subscribers; ++i) all->merge(control->watched[i].latency);
    f->p50_us = all->percentile_ns(0.5) / 1e3;
    f->p99_us = all->percentile_ns(0.99) / 1e3;
  }

 private:
  // Until each reader has noted a value, or one where some may be lost, and more than `updates` have arrived.
  void wait_for_values(uint64_t updates) {
    const int all = variant.lossy ? 1 : load.subscribers;
    const int64_t limit = boottime_ns() + kFirstValueNs;
    for (int noted = 0; noted < all || cast.updates() == updates; sleep_ns(kMs)) {
      check();
      if (boottime_ns() > limit)
        give_up(fmt::format("{} of {} readers saw a value while it was measured", noted, load.subscribers));
      noted = 0;
      for (int i = 0; i < load.subscribers; ++i) noted += control->watched[i].noted.load() ? 1 : 0;
    }
  }
  static double cpu_s(const std::vector<Process>& processes) {
    double sum = 0;
    for (const Process& p : processes) sum += p.cpu_s();
    return sum;
  }
  void check() const {
    bool ended = cast.writer.ended() || cast.sender.ended();
    for (const std::vector<Process>* all : {&cast.between, &cast.receivers, &cast.readers, &cast.askers}) {
      for (const Process& p : *all) ended = ended || p.ended();
    }
    if (ended) give_up("a process ended before its time");
    for (const Watched& w : control->watched) {
      if (w.wrong.load() != 0) give_up(fmt::format("{} wrong values", w.wrong.load()));
    }
  }
};

// Runs in a process of its own.
Figures run(const Variant& variant, const Load& load, double seconds, const std::string& folder) {
  alarm(kLimitS);
  const Fd log(open(log_of(folder).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.ok()) dup2(log.get(), STDERR_FILENO);
  if (variant.tool) return check(variant.tool(load, seconds));
  auto* control = new (shared_memory(sizeof(Control))) Control;
  Trial trial{variant, load, control, variant.start(load, control, folder)};
  trial.settle();
  Figures figures = trial.measure(seconds);
  // Who notes latencies ends first.
  trial.cast.readers.clear();
  trial.cast.receivers.clear();
  trial.latency(&figures);
  return figures;
}

}  // namespace

Result<Figures> run_trial(const Variant& variant, const Load& load, double seconds,
                          const std::string& folder) {
  auto* figures = new (shared_memory(sizeof(Figures))) Figures;
  Process trial = Process::fork(kAnyCore, [&] { *figures = run(variant, load, seconds, folder); });
  const bool ok = trial.finish();
  std::ostringstream said;
  if (std::ifstream log(log_of(folder)); log.good()) said << log.rdbuf();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  std::filesystem::remove(log_of(folder), ignored);
  if (!ok) return Status(Code::kSystem, fmt::format("{}: no figures: {}", variant.name, said.str()));
  return *figures;
}

}  // namespace smt::bench
