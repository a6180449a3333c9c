// Sleeps until any topic of the domain has a new sample, and names the nodes whose samples are new, ten times.
#include <chrono>
#include <cstdio>
#include <map>

#include "shm/waiter.h"

int main() {
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  auto waiter = smt::Waiter::open(*domain);
  if (!waiter.ok()) return std::puts(waiter.status().message().c_str()), 1;
  std::map<const smt::SegmentView*, std::vector<uint64_t>> seen;  // the positions of each node's topics
  for (int woken = 0; woken < 10; ++woken) {
    if (!waiter->wait(std::chrono::seconds(10))) return std::puts("nothing new for 10 s"), 1;
    for (const auto& node : waiter->nodes()) {
      std::vector<uint32_t> changed;
      node->scan(&seen[node.get()], &changed);
      if (!changed.empty()) std::printf("%s: %zu topics\n", node->node().c_str(), changed.size());
    }
  }
}
