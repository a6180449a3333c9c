// The files that a generator writes: all of them whole, or none.
#ifndef SMT_CMD_API_OUTPUTS_H_
#define SMT_CMD_API_OUTPUTS_H_

#include <string>
#include <vector>

#include "shm/status.h"

namespace smt::cmd::api {

struct Output {
  std::string path, text;
};

// Each beside its place first; moved there when all are written. A file that holds its text already is not
// touched, so that nothing is built again for it.
Status write_outputs(const std::vector<Output>& outputs);

// Whether the files hold their texts; kMismatch names one that does not.
Status compare_outputs(const std::vector<Output>& outputs);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_OUTPUTS_H_
