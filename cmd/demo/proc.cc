#include "cmd/demo/proc.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "cmd/demo/must.h"
#include "shm/clock.h"

namespace smt::demo {

namespace {

std::istringstream read_proc(const char* path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.empty()) throw Failure(std::string("cannot read ") + path + ": is /proc mounted?");
  return std::istringstream(std::move(text));
}

}  // namespace

Load Proc::load() const {
  Load l{};
  char slash;
  read_proc("/proc/loadavg") >> l.minutes1 >> l.minutes5 >> l.minutes15 >> l.running >> slash >> l.threads;
  return l;
}

Memory Proc::memory() const {
  Memory m{};
  std::istringstream in = read_proc("/proc/meminfo");
  std::string name, unit;
  for (int64_t kib; in >> name >> kib && std::getline(in, unit);) {
    if (name == "MemTotal:") m.total = kib * 1024;
    if (name == "MemAvailable:") m.available = kib * 1024;
    if (name == "MemFree:") m.free = kib * 1024;
    if (name == "Cached:") m.cached = kib * 1024;
    if (name == "SwapFree:") m.swap_free = kib * 1024;
  }
  return m;
}

Uptime Proc::uptime() const {
  Uptime u{};
  read_proc("/proc/uptime") >> u.up >> u.idle;
  return u;
}

Cpu Proc::cpu() {
  Cpu c{};
  std::istringstream in = read_proc("/proc/stat");
  std::string line;
  std::getline(in, line);  // the sum of all
  while (std::getline(in, line) && line.starts_with("cpu") && c.count < static_cast<int64_t>(c.busy.size())) {
    std::istringstream ticks(line.substr(line.find(' ')));
    int64_t all = 0, idle = 0, n;
    for (int column = 0; column < 8 && ticks >> n;
         ++column) {  // user nice system idle iowait irq softirq steal
      all += n;
      if (column == 3 || column == 4) idle += n;
    }
    const auto i = static_cast<size_t>(c.count++);
    if (i < cpu_before_.size()) {
      const auto [busy_before, all_before] = cpu_before_[i];
      if (all > all_before) c.busy[i] = 100.0 * (all - idle - busy_before) / (all - all_before);
    } else {
      cpu_before_.emplace_back();
    }
    cpu_before_[i] = {all - idle, all};
  }
  return c;
}

Network Proc::network() {
  Network n{};
  std::istringstream in = read_proc("/proc/net/dev");
  std::string line;
  while (std::getline(in, line)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, colon).ends_with(" lo")) continue;
    std::istringstream columns(line.substr(colon + 1));
    int64_t column[9] = {};
    for (int64_t& value : column) columns >> value;
    n.received += column[0];
    n.sent += column[8];
  }
  const int64_t now_ns = boottime_ns();
  if (network_ns_ != 0) {
    const double seconds = (now_ns - network_ns_) * 1e-9;
    n.receive_rate = (n.received - network_before_.received) / seconds;
    n.send_rate = (n.sent - network_before_.sent) / seconds;
  }
  network_before_ = n;
  network_ns_ = now_ns;
  return n;
}

}  // namespace smt::demo
