// The messaging systems that Debian packages. Their ends have no shared memory: the sender stamps a value and
// the receiver looks at it, as over bare ZeroMQ.
#ifndef SMT_BENCH_PEERS_PEERS_H_
#define SMT_BENCH_PEERS_PEERS_H_

#include <string>

#include "bench/relay/variant.h"

namespace smt::bench {

// Null in a build for which the library was not there. Those with a server get the path of its program.
[[gnu::weak]] Variant iceoryx(const std::string& name, const std::string& program);
[[gnu::weak]] Variant lcm(const std::string& name, const std::string&);
[[gnu::weak]] Variant mosquitto(const std::string& name, const std::string& program);
[[gnu::weak]] Variant nats(const std::string& name, const std::string& program);
[[gnu::weak]] Variant nng(const std::string& name, const std::string&);

// CycloneDDS, by a program of its own.
Variant ddsperf(const std::string& name, const std::string& program);

}  // namespace smt::bench

#endif  // SMT_BENCH_PEERS_PEERS_H_
