// smtrelay_pub: the topics of a domain to other machines.
#include "cmd/exit_code.h"
#include "cmd/relay_serve.h"
#include "relay/shm_store.h"

namespace smt::cmd {
namespace {

int Pub(const ToolOptions& tool, const RelayFlags& flags, const RelayRules& rules) {
  const Stop stop;
  Result<Domain> domain = Domain::open(tool.domain);
  if (!domain.ok()) return Fail(domain.status());
  Result<std::unique_ptr<relay::Store>> store = relay::ShmStore::open(*domain, {});
  if (!store.ok()) return Fail(store.status());
  Result<relay::RelayOptions> relay = RelayInDomain(*domain, flags);
  if (!relay.ok()) return Fail(relay.status());
  relay->send = {rules.send};
  return Serve(store->get(), *relay, flags, stop, CountersOf(*domain, flags));
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  return RunRelay("smtrelay_pub", "Send the topics of this domain to whoever wants them", Role::kPub, argc,
                  argv, Pub);
}
