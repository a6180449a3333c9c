// How fast, how completely and how cheaply do topics reach the memory of another machine?
//
// Both "machines" are this one: each relay is a process of its own, and so are the program that publishes and
// the one that reads. Writer and sender run on core 0, receivers and readers on core 1, I/O threads included;
// they talk over TCP on the loopback. A latency is the time from just before publish until a reader that
// slept in the far memory holds the value; values carry the time themselves. CPU is what the kernel charged
// to all threads of the relay processes. Variants take turns, round by round.
#include "bench/relay/relay_main.h"

int main(int argc, char** argv) {
  return smt::bench::relay_main(argc, argv, "Measures smtrelay beside relays that one would write by hand",
                                [] { return std::vector<smt::bench::Peer>(); });
}
