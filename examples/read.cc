// Waits for base/pose and prints ten poses that are fresh.
#include <chrono>
#include <cstdio>

#include "examples/pose.h"

int main() {
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  auto reader = smt::TopicReader<Pose>::open(*domain, "base/pose");
  if (!reader.ok()) return std::puts(reader.status().message().c_str()), 1;
  for (int printed = 0; printed < 10;) {
    if (reader->wait(std::chrono::seconds(10)) == smt::Woke::kTimeout) return std::puts("no pose for 10 s"), 1;
    const auto pose = reader->latest_fresh();
    if (!pose) continue;  // the state has changed
    std::printf("%g %g %g\n", pose->x, pose->y, pose->yaw);
    ++printed;
  }
}
