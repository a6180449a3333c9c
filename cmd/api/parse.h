// From a file to what it says.
#ifndef SMT_CMD_API_PARSE_H_
#define SMT_CMD_API_PARSE_H_

#include <functional>
#include <string>

#include "cmd/api/declarations.h"
#include "cmd/api/model.h"
#include "cmd/api/xml.h"

namespace smt::cmd::api {

// docs/api.xsd. Whatever is wrong is told to the file's errors; then the Api is not to be used.
Api parse_api(const XmlFile& file, const std::string& cpp_namespace);

// docs/registers.xsd; the same.
Api parse_registers(const XmlFile& file, const std::string& cpp_namespace);

// Calls `parse` to fill a description from the file, then lays it out.
Api parsed(const XmlFile& file, const std::string& cpp_namespace, const std::function<void(Api*)>& parse);

// Gives each struct its size, and each of its members the offset that C and C++ give it (every type at a
// multiple of its size); puts structs behind those that they hold; fills in the topics' hashes. Errors where
// a struct holds itself, nests too deep or gets too large.
void lay_out(const XmlFile& file, Api* api);

// Errors where a member has a name that types and constants have, so that C++ could not tell them apart.
void check_member_names(const XmlFile& file, const Declarations& names, const Api& api);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_PARSE_H_
