// Servers of peers, and where they listen.
#ifndef SMT_BENCH_PEERS_SERVER_H_
#define SMT_BENCH_PEERS_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "bench/relay/variant.h"

namespace smt::bench {

// Where the shell finds it, or a superuser's would; "": nowhere.
std::string find_program(const std::string& name);

// Runs `command` for as long as the cast lives, and then asks it to end and kills it after 2 s. What it
// prints as errors goes to the log of `folder`, and its processor time counts as that of one between. Returns
// once it has printed `ready`, or, where that is "", listens at `port`; ends the program with a sentence if
// it does not within 5 s.
void start_server(const std::vector<std::string>& command, const std::string& ready, int port,
                  const std::string& folder, Cast* cast);

}  // namespace smt::bench

#endif  // SMT_BENCH_PEERS_SERVER_H_
