// Publishes base/pose ten times a second until it is killed, whatever becomes of the shared memory meanwhile.
#include <chrono>
#include <cstdio>
#include <thread>

#include "examples/pose.h"

int main() {
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  const auto node = smt::Node::open(*domain, {.name = "driver"});
  if (!node.ok()) return std::puts(node.status().message().c_str()), 1;
  auto pose = smt::Topic<Pose>::advertise(**node, {.name = "base/pose", .max_age_ns = 500'000'000});
  if (!pose.ok()) return std::puts(pose.status().message().c_str()), 1;
  for (double x = 0;; x += 0.1) {
    if (const smt::Status s = pose->publish({x, 2, 0.5}); !s.ok()) return std::puts(s.message().c_str()), 1;
    if (!(*node)->healthy()) {  // something removed the shared memory, as RemoveIPC of logind does
      if (const smt::Status s = (*node)->remake(); !s.ok()) return std::puts(s.message().c_str()), 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}
