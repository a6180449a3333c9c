// Finds faults of a machine, of a domain and of a relay's keys and ports, each with the command that cures
// it, where there is one.
//
// Whoever copies a command into a shell may not know the programs that it meets. So no command ends a
// program, removes or renames a file that a program has, or shuts out users that a folder serves.
#ifndef SMT_CMD_DOCTOR_DOCTOR_H_
#define SMT_CMD_DOCTOR_DOCTOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "relay/names/pattern.h"
#include "shm/domain.h"

namespace smt::cmd {

struct DoctorOptions {
  DomainOptions domain;
  // The folder with the keys of a relay; "": no relay is looked at.
  std::string keys;
  std::string self_key;    // its own key, where that is elsewhere: a file, or the name of a credential
  bool key_group = false;  // the group of the domain may read it
  // Topics that are expected to be here, and fresh.
  std::vector<relay::Pattern> topics;
  std::vector<std::string> bind, connect;  // endpoints
  int64_t timeout_ns = 2'000'000'000;      // of one endpoint to answer
  // Where the machine's own files are (etc/systemd/logind.conf ...): "/", or an image's root.
  std::string system_root = "/";
};

struct Finding {
  enum class Kind {
    kFine,
    kNote,     // worth knowing, nothing to do
    kProblem,  // with a cure
  };
  Kind kind = Kind::kFine;
  std::string check;  // one word
  std::string text;
  // A line for a shell. "": no command is safe to run here, and the text says what to do.
  std::string cure;
};

// Each looks at its subject and, but for check_lost, says at least one thing of it. They change nothing and
// take no lock.
std::vector<Finding> check_domain(const DoctorOptions& options);
// Processes of this user that publish into files of the domain which were removed; nothing: there are none.
std::vector<Finding> check_lost(const DoctorOptions& options);
std::vector<Finding> check_machine(const DoctorOptions& options);
std::vector<Finding> check_keys(const DoctorOptions& options);
// Says Hello at each endpoint to dial, and waits up to timeout_ns for the answer.
std::vector<Finding> check_endpoints(const DoctorOptions& options);

}  // namespace smt::cmd

#endif  // SMT_CMD_DOCTOR_DOCTOR_H_
