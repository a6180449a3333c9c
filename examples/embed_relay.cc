// A relay inside one's own process sends all topics of the domain to each peer that dials the endpoint.
// embed_relay [ENDPOINT]; ends with stdin.
#include <unistd.h>

#include <cstdio>

#include "cmd/serve/relay_loop.h"
#include "relay/store/shm_store.h"

int main(int argc, char** argv) {
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  const auto store = smt::relay::ShmStore::open(*domain, {});
  const auto id = domain->origin_id();
  if (!store.ok() || !id.ok()) return std::puts("the domain cannot be read"), 1;
  smt::relay::RelayOptions options;
  options.name = "embedded";
  options.origin_id = *id;
  options.send = {smt::relay::SendRule()};  // every topic, to every peer
  smt::cmd::RelayLoop relay(store->get(), std::move(options), {.stop_fd = STDIN_FILENO});
  auto links = relay.bind(argc > 1 ? argv[1] : "tcp://127.0.0.1:7400");
  if (!links.ok()) return std::puts(links.status().message().c_str()), 1;
  relay.add(std::move(*links));
  std::printf("ready %s\n", relay.endpoints().front().c_str());
  std::fflush(stdout);
  relay.run([](int64_t now_ns) { return now_ns + 1'000'000'000; });
}
