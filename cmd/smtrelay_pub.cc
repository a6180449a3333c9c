// smtrelay_pub: the topics of a domain to other machines.
#include "cmd/relays/relay_serve.h"

extern "C" int smtrelay_pub_main(int argc, char** argv) {
  using namespace smt::cmd;
  return run_relay("smtrelay_pub", "Send the topics of this domain to whoever wants them", Role::kPub, argc,
                   argv, serve_domain);
}
