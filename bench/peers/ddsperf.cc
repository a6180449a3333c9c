#include <stdlib.h>
#include <unistd.h>

#include <sstream>

#include "bench/measure.h"
#include "bench/peers/peers.h"
#include "bench/report.h"
#include "shm/clock.h"

namespace smt::bench {
namespace {

// The loopback alone, without multicast.
constexpr char kConfig[] =
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name=\"lo\"/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    "<Peers><Peer address=\"localhost\"/></Peers></Discovery></Domain></CycloneDDS>";

// The number after the last `word` of `text`; 0: there is none.
double number_after(const std::string& text, const std::string& word) {
  const size_t at = text.rfind(word);
  return at == std::string::npos ? 0 : strtod(text.c_str() + at + word.size(), nullptr);
}

std::string read_all(const Fd& out) {
  std::string text;
  char piece[4096];
  for (ssize_t n; (n = read(out.get(), piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(n));
  return text;
}

struct Run {
  std::string near, far;  // what each has printed
  double near_cpu = 0, far_cpu = 0;
};

// `near` on the sender's core, `far` on the receiver's, both modes of ddsperf. It prints figures once a
// second, those of the first second with the discovery in them.
Run run_pair(const std::string& program, const Load& load, const std::vector<std::string>& near,
             const std::vector<std::string>& far, int seconds) {
  // A domain of its own: the ports follow from its number.
  const std::vector<std::string> common = {program,
                                           "-i",
                                           std::to_string(100 + getpid() % 100),
                                           "-n",
                                           std::to_string(load.topics),
                                           "-D",
                                           std::to_string(seconds)};
  const auto start = [&](int core, const std::vector<std::string>& mode, Fd* out) {
    std::vector<std::string> command = common;
    command.insert(command.end(), mode.begin(), mode.end());
    return Process::execute(core, command, "/dev/null", out);
  };
  Fd near_out, far_out;
  Process receiver = start(kReceiverCore, far, &far_out), sender = start(kSenderCore, near, &near_out);
  const int64_t begin = boottime_ns();
  sleep_until(begin + 3 * kSecond / 2);
  const double near_cpu = sender.cpu_s(), far_cpu = receiver.cpu_s();
  const int64_t end = begin + seconds * kSecond - kSecond / 4;
  sleep_until(end);
  const double took = static_cast<double>(end - begin - 3 * kSecond / 2) / kSecond;
  Run run;
  run.near_cpu = (sender.cpu_s() - near_cpu) / took;
  run.far_cpu = (receiver.cpu_s() - far_cpu) / took;
  run.near = read_all(near_out);
  run.far = read_all(far_out);
  return run;
}

// A latency is half of a round trip, and so is its processor time.
Figures ping(const std::string& program, const Load& load, int seconds) {
  const int64_t hz = kSecond / (load.period_ns + load.jitter_ns / 2);
  const Run run =
      run_pair(program, load, {"ping", std::to_string(hz) + "Hz", "size", std::to_string(load.bytes)},
               {"pong"}, seconds);
  Figures f;
  f.p50_us = number_after(run.near, " 50% ") / 2;
  f.p99_us = number_after(run.near, " 99% ") / 2;
  f.offered_hz = static_cast<double>(hz);
  f.delivered_hz = number_after(run.near, " cnt ");
  f.sender_cpu = run.near_cpu / 2;
  f.receivers_cpu = run.far_cpu / 2;
  return f;
}

// As fast as the subscriber takes them; each topic is a key. ddsperf tells no latency of it.
Figures flood(const std::string& program, const Load& load, int seconds) {
  const Run run = run_pair(program, load, {"pub", "size", std::to_string(load.bytes)}, {"sub"}, seconds);
  Figures f;
  f.delivered_hz = f.offered_hz = number_after(run.far, " rate ") * 1e3;
  f.sender_cpu = run.near_cpu;
  f.receivers_cpu = run.far_cpu;
  return f;
}

}  // namespace

Variant ddsperf(const std::string& name, const std::string& program) {
  Variant v;
  v.name = name;
  v.kind = Kind::kPeer;
  v.tool = [program](const Load& load, double seconds) -> Result<Figures> {
    setenv("CYCLONEDDS_URI", kConfig, 1);
    const int duration = 3 + static_cast<int>(seconds);
    const Figures f = load.saturating ? flood(program, load, duration) : ping(program, load, duration);
    if (f.delivered_hz == 0) return Status(Code::kSystem, "ddsperf printed no figures");
    return f;
  };
  return v;
}

}  // namespace smt::bench
