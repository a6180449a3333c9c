// smtrelay_sub: topics of other machines into a domain.
#include "cmd/relays/relay_serve.h"

extern "C" int smtrelay_sub_main(int argc, char** argv) {
  using namespace smt::cmd;
  return run_relay("smtrelay_sub", "Mirror topics of other machines into this domain", Role::kSub, argc, argv,
                   serve_domain);
}
