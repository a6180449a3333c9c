// smtrelay_proxy: passes topics on between relays, without shared memory.
#include "cmd/cli/tool.h"
#include "cmd/relays/relay_serve.h"
#include "cmd/serve/relay_loop.h"
#include "relay/store/mem_store.h"

namespace smt::cmd {
namespace {

int ServeMemory(const ConfigFlags& flags, const RelayConfig& config) {
  const Stop stop;
  relay::MemStore store;
  relay::RelayOptions relay = EngineOptions(config);
  relay.origin_id = RandomId();
  Result<RelayCounters> counters =
      RelayCounters::open(CountersInStore(&store, config, relay.origin_id), config);
  if (!counters.ok()) return Fail(counters.status());
  return Serve(&store, relay, flags, config, stop, std::move(*counters));
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  return RunRelay("smtrelay_proxy", "Pass topics on: to whoever wants them, from whoever has them",
                  Role::kProxy, argc, argv, ServeMemory);
}
