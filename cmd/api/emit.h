// From a description to the text of a file in each language. The same description gives the same bytes.
#ifndef SMT_CMD_API_EMIT_H_
#define SMT_CMD_API_EMIT_H_

#include <string>

#include "cmd/api/model.h"

namespace smt::cmd::api {

std::string emit_cpp(const Api& api);     // C++20, with shm/topic.h
std::string emit_c(const Api& api);       // C11, its standard headers only
std::string emit_python(const Api& api);  // Python 3.8, its standard library only
std::string emit_json(const Api& api);

// These emit accessors of a register map's bits and tables of its registers. REQUIRES: there is a map.
std::string emit_cpp_registers(const Api& api);
std::string emit_c_registers(const Api& api);
std::string emit_python_registers(const Api& api);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_EMIT_H_
