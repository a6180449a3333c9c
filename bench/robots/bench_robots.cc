// How soon are many robots up that start at the same time and dial one proxy, does any value go wrong, is any
// session lost, and what does the proxy take for it? All robots live in this process, each a relay of its own
// over plain memory. A desk wants all topics from the proxy, and checks each value that comes.
//
// The proxy is smtrelay_proxy, dialled over TCP; or with --memory a relay in this process, over links in
// memory and under a clock that moves as fast as the work is done.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "bench/process.h"
#include "bench/report.h"
#include "relay/zmq/link_zmq.h"
#include "shm/clock.h"
#include "tests/relay/fleet.h"
#include "tests/temp_folder.h"

namespace smt::bench {
namespace {

using relay::Fleet, relay::FleetSize, relay::MemoryFleet, relay::Robot, relay::Station;

struct Flags {
  FleetSize size;
  double seconds = 300, hz = 1;
  double up_limit_s = 60;
  bool memory = false;
  relay::Liveness liveness;  // what the proxy asks for

  int64_t period_ns() const { return static_cast<int64_t>(1e9 / hz); }
};

struct Outcome {
  double up_s = 0;
  size_t topics_up = 0;
  uint64_t values = 0, wrong = 0, stale = 0;
  uint64_t lost_early = 0, lost = 0;  // sessions, before all topics were up and after that
  double proxy_cores = 0, proxy_mib = 0;
};

// A run: what steps the stations up to a time is given, and so is what the proxy has taken so far.
class Run {
 public:
  virtual ~Run() = default;
  virtual Fleet& fleet() = 0;
  virtual int64_t now_ns() const = 0;
  // Until `until_ns`, or `done` after some of the work.
  virtual void go_on(int64_t until_ns, bool publishes, const std::function<bool()>& done) = 0;
  virtual double proxy_cpu_s() const = 0;
  virtual double proxy_mib() const = 0;
};

class TcpRun final : public Run {
 public:
  explicit TcpRun(const Flags& flags)
      : context_(flags.size.robots + 1), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    const std::string endpoint = start_proxy(flags.liveness);
    const auto dial = [&](const std::string&) { return check(context_.dial(endpoint)); };
    fleet_.emplace(flags.size, flags.period_ns(), dial, boottime_ns());
    stations_.push_back(&fleet_->desk().station());
    for (const auto& robot : fleet_->robots()) stations_.push_back(&robot->station());
    fds_.resize(stations_.size(), -1);
    for (size_t i = 0; i < stations_.size(); ++i) place_.emplace(stations_[i], i);
  }

  Fleet& fleet() override { return *fleet_; }
  int64_t now_ns() const override { return boottime_ns(); }
  void go_on(int64_t until_ns, bool publishes, const std::function<bool()>& done) override {
    while (boottime_ns() < until_ns && !done()) {
      if (publishes)
        fleet_->publish(boottime_ns(), [this](Robot* robot) { step(place_.at(&robot->station())); });
      int64_t due_ns = until_ns;
      for (size_t i = 0; i < stations_.size(); ++i) {
        if (stations_[i]->is_due(boottime_ns())) step(i);
        due_ns = std::min(due_ns, stations_[i]->due_ns());
      }
      if (publishes) due_ns = std::min(due_ns, fleet_->next_publication_ns());
      wait(due_ns);
    }
  }
  double proxy_cpu_s() const override { return proxy_.cpu_s(); }
  double proxy_mib() const override { return proxy_.rss_mib(); }

 private:
  // Returns where it listens.
  std::string start_proxy(const relay::Liveness& liveness) {
    proxy_ = Process::execute(
        -1,
        {bin_folder() + "/smtrelay_proxy", "--name", "proxy", "--bind", "tcp://127.0.0.1:*", "--heartbeat",
         fmt::format("{}ns", liveness.heartbeat_ns), "--patience", fmt::format("{}ns", liveness.patience_ns)},
        folder_.path() + "/log", &output_);
    char line[256], endpoint[256] = "";
    FILE* const out = fdopen(dup(output_.get()), "r");
    const bool ready =
        fgets(line, sizeof line, out) != nullptr && sscanf(line, "ready proxy %255s", endpoint) == 1;
    fclose(out);
    if (!ready) fail(Status(Code::kSystem, "smtrelay_proxy does not become ready"));
    return endpoint;
  }
  void step(size_t i) {
    stations_[i]->step(boottime_ns());
    // Who dials anew has another descriptor.
    const int fd = stations_[i]->link().fd();
    if (fd == fds_[i]) return;
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = i}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    fds_[i] = fd;
  }
  // Up to a millisecond longer than that, so that several go together.
  void wait(int64_t until_ns) {
    const int64_t ms = std::clamp<int64_t>((until_ns - boottime_ns()) / kMs + 1, 1, 100);
    epoll_event events[256];
    const int n = epoll_wait(epoll_.get(), events, 256, static_cast<int>(ms));
    for (int e = 0; e < n; ++e) step(events[e].data.u64);
  }

  const TempFolder folder_;
  Process proxy_;
  Fd output_;  // of it
  relay::ZmqContext context_;
  std::optional<Fleet> fleet_;
  std::vector<Station*> stations_;
  std::map<const Station*, size_t> place_;
  std::vector<int> fds_;
  const Fd epoll_;
};

class MemoryRun final : public Run {
 public:
  explicit MemoryRun(const Flags& flags) : all_(flags.size, flags.period_ns(), flags.liveness) {
    all_.step_proxy = [this](int64_t now_ns) { step_proxy(now_ns); };
  }

  Fleet& fleet() override { return all_.fleet(); }
  int64_t now_ns() const override { return all_.now_ns(); }
  void go_on(int64_t until_ns, bool publishes, const std::function<bool()>& done) override {
    all_.go_on(until_ns, publishes, done);
  }
  double proxy_cpu_s() const override { return proxy_cpu_s_; }
  double proxy_mib() const override { return proxy_mib_; }

 private:
  static double heap_mib() {
    const struct mallinfo2 heap = mallinfo2();
    return static_cast<double>(heap.uordblks + heap.hblkhd) / (1 << 20);
  }
  static double thread_cpu_s() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }
  // What it puts on its links counts as its own.
  void step_proxy(int64_t now_ns) {
    const double cpu = thread_cpu_s(), heap = heap_mib();
    all_.proxy().step(now_ns);
    proxy_cpu_s_ += thread_cpu_s() - cpu;
    proxy_mib_ += heap_mib() - heap;
  }

  MemoryFleet all_;
  double proxy_cpu_s_ = 0, proxy_mib_ = 0;
};

Outcome measure(const Flags& flags, Run* run) {
  Outcome outcome;
  Fleet& fleet = run->fleet();
  const int64_t began_ns = run->now_ns();
  const auto never = [] { return false; };
  run->go_on(began_ns + static_cast<int64_t>(flags.up_limit_s * 1e9), true, [&] { return fleet.is_up(); });
  outcome.topics_up = fleet.desk().up();
  outcome.up_s = static_cast<double>(run->now_ns() - began_ns) * 1e-9;
  outcome.lost_early = fleet.lost();
  const int64_t up_ns = run->now_ns();
  const double cpu_s = run->proxy_cpu_s();
  run->go_on(up_ns + static_cast<int64_t>(flags.seconds * 1e9), true, never);
  outcome.proxy_cores = (run->proxy_cpu_s() - cpu_s) / (static_cast<double>(run->now_ns() - up_ns) * 1e-9);
  outcome.proxy_mib = run->proxy_mib();
  // What was published last arrives.
  run->go_on(run->now_ns() + 2 * kSecond, false, [&] { return fleet.stale() == 0; });
  outcome.lost = fleet.lost() - outcome.lost_early;
  outcome.stale = fleet.stale();
  outcome.values = fleet.desk().values();
  outcome.wrong = fleet.desk().wrong();
  return outcome;
}

void print(const Flags& flags, const Outcome& o) {
  const size_t topics = flags.size.robots * flags.size.topics;
  fmt::print("{} robots of {} topics at {} Hz at one proxy, {}; heartbeat {} ms, patience {} ms\n",
             flags.size.robots, flags.size.topics, flags.hz,
             flags.memory ? "in memory, under a clock that is moved" : "over TCP",
             flags.liveness.heartbeat_ns / kMs, flags.liveness.patience_ns / kMs);
  if (o.topics_up == topics) {
    fmt::print("  all up after               {:.2f} s\n", o.up_s);
  } else {
    fmt::print("  up after {:.0f} s              {} of {} topics\n", o.up_s, o.topics_up, topics);
  }
  fmt::print("  sessions lost until then   {}\n", o.lost_early);
  fmt::print("  sessions lost after that   {}, in {:.0f} s\n", o.lost, flags.seconds);
  fmt::print("  values                     {}\n", o.values);
  fmt::print("  wrong values               {}\n", o.wrong);
  fmt::print("  topics not current at end  {}\n", o.stale);
  fmt::print("  the proxy                  {:.3f} of a core, {:.0f} MiB\n", o.proxy_cores, o.proxy_mib);
}

int run(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures many robots that start at the same time and dial one proxy");
  app.add_option("--robots", flags.size.robots, "How many [1000]");
  app.add_option("--topics", flags.size.topics, "Topics of each [50]");
  app.add_option("--hz", flags.hz, "Values of each topic in a second [1]");
  app.add_option("--seconds", flags.seconds, "How long it is looked at after all are up [300]");
  app.add_option_function<double>(
         "--heartbeat",
         [&flags](double ms) {
           flags.liveness.heartbeat_ns = static_cast<int64_t>(ms * 1e6);
           flags.liveness.patience_ns = relay::Liveness::patience_for(flags.liveness.heartbeat_ns);
         },
         "Milliseconds; the proxy asks its peers for it, and for 2.5 times that as patience [200]")
      ->check(CLI::Range(20.0, 4000.0));
  app.add_flag("--memory", flags.memory, "The proxy is in this process, and the clock is moved");
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const std::unique_ptr<Run> all = flags.memory ? std::unique_ptr<Run>(std::make_unique<MemoryRun>(flags))
                                                : std::make_unique<TcpRun>(flags);
  const Outcome outcome = measure(flags, all.get());
  print(flags, outcome);
  const bool good = outcome.topics_up == flags.size.robots * flags.size.topics && outcome.wrong == 0 &&
                    outcome.lost == 0 && outcome.stale == 0;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::run(argc, argv); }
