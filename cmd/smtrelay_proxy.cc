// smtrelay_proxy: passes topics on between relays, without shared memory.
#include "cmd/exit_code.h"
#include "cmd/relay_serve.h"
#include "relay/mem_store.h"

namespace smt::cmd {
namespace {

int Proxy(const ToolOptions&, const RelayFlags& flags, const RelayRules& rules) {
  const Stop stop;
  relay::MemStore store;
  relay::RelayOptions relay;
  relay.name = flags.name;
  relay.origin_id = RandomId();
  relay.proxy = true;
  relay.send = {rules.send};
  if (rules.cache) relay.cache = {*rules.cache};
  Result<RelayCounters> counters =
      RelayCounters::open(CountersInStore(&store, flags, relay.origin_id), flags);
  if (!counters.ok()) return Fail(counters.status());
  return Serve(&store, relay, flags, stop, std::move(*counters));
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  return RunRelay("smtrelay_proxy", "Pass topics on: to whoever wants them, from whoever has them",
                  Role::kProxy, argc, argv, Proxy);
}
