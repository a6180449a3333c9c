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

void Sleep(int64_t ns) { SleepUntil(BoottimeNs() + ns); }

[[noreturn]] void Give(const std::string& folder, const Variant& variant, const std::string& why) {
  std::ostringstream said;
  if (std::ifstream log(folder + ".log"); log.good()) said << log.rdbuf();
  Fail(Status(Code::kSystem, fmt::format("{}: {}\n{}", variant.name, why, said.str())));
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
    const int64_t begin = BoottimeNs();
    while (seen() < all || !cast.complete()) {
      check();
      const int64_t took = BoottimeNs() - begin;
      if (variant.lossy && seen() > 0 && took > 1000 * kMs) break;
      if (took > 8000 * kMs) Give(folder, variant, fmt::format("only {} of {} topics arrived", seen(), all));
      Sleep(10 * kMs);
    }
    if (load.silent) control->quiet.store(true);
    Sleep(load.silent ? 400 * kMs : 150 * kMs);
  }

  Figures measure(double seconds) {
    const int64_t begin = BoottimeNs();
    const uint64_t offered = control->offered.load(), updates = cast.updates();
    const double sender = cast.sender.cpu_s(), receivers = receivers_cpu_s();
    control->measuring.store(true);
    Sleep(static_cast<int64_t>(seconds * 1e9));
    control->measuring.store(false);
    const double took = static_cast<double>(BoottimeNs() - begin) * 1e-9;
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
    if (all->total() == 0 && !load.silent) Give(folder, variant, "no value arrived while it was measured");
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
    if (ended) Give(folder, variant, "a process ended before its time");
    for (const Watched& w : control->watched) {
      if (w.wrong.load() != 0) Give(folder, variant, fmt::format("{} wrong values", w.wrong.load()));
    }
  }
};

// Runs in a process of its own.
Figures Run(const Variant& variant, const Load& load, double seconds, const std::string& folder) {
  alarm(kLimitS);
  auto* control = new (SharedMemory(sizeof(Control))) Control;
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

Figures RunTrial(const Variant& variant, const Load& load, double seconds, const std::string& folder) {
  auto* figures = new (SharedMemory(sizeof(Figures))) Figures;
  Process trial = Process::fork(-1, [&] { *figures = Run(variant, load, seconds, folder); });
  const bool ok = trial.finish();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  std::filesystem::remove(folder + ".log", ignored);
  if (!ok) Fail(Status(Code::kSystem, fmt::format("no figures of {}", variant.name)));
  return *figures;
}

}  // namespace smt::bench
