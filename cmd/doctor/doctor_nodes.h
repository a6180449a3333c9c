// The part of the doctor that looks at the nodes and topics of a domain.
#ifndef SMT_CMD_DOCTOR_DOCTOR_NODES_H_
#define SMT_CMD_DOCTOR_DOCTOR_NODES_H_

#include <vector>

#include "cmd/doctor/doctor.h"
#include "shm/domain.h"

namespace smt::cmd {

void check_nodes(const DoctorOptions& options, const Domain& domain, std::vector<Finding>* findings);
// The topics that are expected here; null: no domain is here.
void check_topics(const DoctorOptions& options, const Domain* domain, std::vector<Finding>* findings);

}  // namespace smt::cmd

#endif  // SMT_CMD_DOCTOR_DOCTOR_NODES_H_
