// The command line of the generators.
#ifndef SMT_CMD_API_BUILDER_H_
#define SMT_CMD_API_BUILDER_H_

#include <functional>
#include <string>

#include "cmd/api/model.h"
#include "cmd/api/xml.h"

namespace smt::cmd::api {

struct Builder {
  std::string name;  // "smt-api-builder"
  std::string what;  // one line for --help
  std::string footer;
  std::function<Api(const XmlFile& file, const std::string& cpp_namespace)> parse;
};

// All of main(). Its exit code: 0; 2 with every error as FILE:LINE:COLUMN where the description is wrong, and
// then no file is written; 5 where --check found an output that is not up to date.
int run_builder(const Builder& builder, int argc, char** argv);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_BUILDER_H_
