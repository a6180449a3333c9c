// bench_relay, with the peers that Debian packages beside the hand-written relays. Each is started and
// stopped for each trial, on a free port of the loopback; one that is not installed is left out with that
// reason, and so is one that fails under a load.
#include <fmt/format.h>

#include "bench/peers/peers.h"
#include "bench/peers/server.h"
#include "bench/relay/relay_main.h"

namespace smt::bench {
namespace {

struct Row {
  const char* name;
  Variant (*make)(const std::string& name, const std::string& program);
  const char* library_package;  // that the build needs; nullptr: none
  const char* program;          // that it starts; nullptr: none
  const char* package;          // of the program
};

Peer peer(const Row& row) {
  Peer p;
  p.variant.name = row.name;
  const std::string program = row.program == nullptr ? "" : find_program(row.program);
  if (row.make == nullptr) {
    p.absent = fmt::format("package {} was not there when this was built", row.library_package);
  } else if (row.program != nullptr && program.empty()) {
    p.absent = fmt::format("there is no {}: package {} is not installed", row.program, row.package);
  } else {
    p.variant = row.make(row.name, program);
  }
  return p;
}

std::vector<Peer> peers() {
  const Row rows[] = {
      {"CycloneDDS (ddsperf)", ddsperf, nullptr, "ddsperf", "cyclonedds-tools"},
      {"iceoryx, one machine", iceoryx, "libiceoryx-posh-dev", "iox-roudi", "iceoryx"},
      {"LCM, UDP", lcm, "liblcm-dev", nullptr, nullptr},
      {"Mosquitto, QoS 0", mosquitto, "libmosquitto-dev", "mosquitto", "mosquitto"},
      {"nng pub/sub", nng, "libnng-dev", nullptr, nullptr},
      {"NATS", nats, "libnats-dev", "nats-server", "nats-server"},
  };
  std::vector<Peer> all;
  for (const Row& row : rows) all.push_back(peer(row));
  return all;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) {
  return smt::bench::relay_main(
      argc, argv, "Measures smtrelay beside relays that one would write by hand, and what Debian packages",
      smt::bench::peers);
}
