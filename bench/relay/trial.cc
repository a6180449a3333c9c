#include "bench/relay/trial.h"

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

constexpr int64_t kMs = 1'000'000;
constexpr unsigned kLimitS = 30;  // of one trial, whatever happens in it

void sleep_ns(int64_t ns) { sleep_until(boottime_ns() + ns); }

[[noreturn]] void give(const std::string& folder, const Variant& variant, const std::string& why) {
  std::ostringstream said;
  if (std::ifstream log(folder + ".log"); log.good()) said << log.rdbuf();
  fail(Status(Code::kSystem, fmt::format("{}: {}\n{}", variant.name, why, said.str())));
}

struct Trial {
  const Variant& variant;
  const Load& load;
  const std::string& folder;
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
    const int64_t begin = boottime_ns();
    while (seen() < all || !cast.complete()) {
      check();
      const int64_t took = boottime_ns() - begin;
      if (variant.lossy && seen() > 0 && took > 1000 * kMs) break;
      if (took > 8000 * kMs) give(folder, variant, fmt::format("only {} of {} topics arrived", seen(), all));
      sleep_ns(10 * kMs);
    }
    if (load.silent) control->quiet.store(true);
    sleep_ns(load.silent ? 400 * kMs : 150 * kMs);
  }

  Figures measure(double seconds) {
    const int64_t begin = boottime_ns();
    const uint64_t offered = control->offered.load(), updates = cast.updates();
    const double sender = cast.sender.cpu_s(), receivers = receivers_cpu_s();
    control->measuring.store(true);
    sleep_ns(static_cast<int64_t>(seconds * 1e9));
    control->measuring.store(false);
    const double took = static_cast<double>(boottime_ns() - begin) * 1e-9;
    Figures f;
    f.sender_cpu = (cast.sender.cpu_s() - sender) / took;
    f.receivers_cpu = (receivers_cpu_s() - receivers) / took;
    f.offered_hz = static_cast<double>(control->offered.load() - offered) / took;
    f.delivered_hz = static_cast<double>(cast.updates() - updates) / took / load.subscribers;
    check();
    return f;
  }

  void latency(Figures* f) const {
    const auto all = std::make_unique<Histogram>();
    for (int i = 0; i < load.subscribers; ++i) all->merge(control->watched[i].latency);
    f->p50_us = all->percentile_ns(0.5) / 1e3;
    f->p99_us = all->percentile_ns(0.99) / 1e3;
    if (all->total() == 0 && !load.silent) give(folder, variant, "no value arrived while it was measured");
  }

 private:
  double receivers_cpu_s() const {
    double sum = 0;
    for (const Process& p : cast.receivers) sum += p.cpu_s();
    return sum;
  }
  void check() const {
    bool ended = cast.writer.ended() || cast.sender.ended();
    for (const Process& p : cast.receivers) ended = ended || p.ended();
    for (const Process& p : cast.readers) ended = ended || p.ended();
    if (ended) give(folder, variant, "a process ended before its time");
    for (const Watched& w : control->watched) {
      if (w.wrong.load() != 0) give(folder, variant, fmt::format("{} wrong values", w.wrong.load()));
    }
  }
};

// Runs in a process of its own.
Figures run(const Variant& variant, const Load& load, double seconds, const std::string& folder) {
  alarm(kLimitS);
  auto* control = new (shared_memory(sizeof(Control))) Control;
  Trial trial{variant, load, folder, control, variant.start(load, control, folder)};
  trial.settle();
  Figures figures = trial.measure(seconds);
  // Who notes latencies ends first.
  trial.cast.readers.clear();
  trial.cast.receivers.clear();
  trial.latency(&figures);
  return figures;
}

}  // namespace

Figures run_trial(const Variant& variant, const Load& load, double seconds, const std::string& folder) {
  auto* figures = new (shared_memory(sizeof(Figures))) Figures;
  Process trial = Process::fork(-1, [&] { *figures = run(variant, load, seconds, folder); });
  const bool ok = trial.finish();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  std::filesystem::remove(folder + ".log", ignored);
  if (!ok) fail(Status(Code::kSystem, fmt::format("no figures of {}", variant.name)));
  return *figures;
}

}  // namespace smt::bench
