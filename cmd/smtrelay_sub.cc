// smtrelay_sub: topics of other machines into a domain.
#include "cmd/exit_code.h"
#include "cmd/relay_serve.h"
#include "relay/shm_store.h"

namespace smt::cmd {
namespace {

int Sub(const ToolOptions& tool, const RelayFlags& flags, const RelayRules& rules) {
  const Stop stop;
  Result<Domain> domain = Domain::open(tool.domain);
  if (!domain.ok()) return Fail(domain.status());
  relay::ShmStoreOptions mirror;
  mirror.mirror = flags.name;
  mirror.segment_bytes = flags.segment_bytes;
  mirror.remove_on_exit = flags.remove_on_exit;
  Result<std::unique_ptr<relay::Store>> store = relay::ShmStore::open(*domain, mirror);
  if (!store.ok()) return Fail(store.status());
  Result<relay::RelayOptions> relay = RelayInDomain(*domain, flags);
  if (!relay.ok()) return Fail(relay.status());
  relay->receive = {rules.receive};
  return Serve(store->get(), *relay, flags, stop, CountersOf(*domain, flags));
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  return RunRelay("smtrelay_sub", "Mirror topics of other machines into this domain", Role::kSub, argc, argv,
                  Sub);
}
