// smtrelay_proxy: passes topics on between relays, without shared memory.
#include "cmd/relays/relay_serve.h"

extern "C" int smtrelay_proxy_main(int argc, char** argv) {
  using namespace smt::cmd;
  return run_relay("smtrelay_proxy", "Pass topics on: to whoever wants them, from whoever has them",
                   Role::kProxy, argc, argv, serve_memory);
}
