// smt-api-builder: topics and structs described in XML, for C++, C, Python and as JSON.
#include "cmd/api/builder.h"
#include "cmd/api/parse.h"

extern "C" int smt_api_builder_main(int argc, char** argv) {
  const smt::cmd::api::Builder builder = {"smt-api-builder",
                                          "Topics and structs described in XML, for C++, C and Python",
                                          "The format: docs/api-builder.md and docs/api.xsd. Exit codes: 2 "
                                          "the description is wrong, 5 an output is\n"
                                          "not up to date (--check).",
                                          smt::cmd::api::parse_api};
  return smt::cmd::api::run_builder(builder, argc, argv);
}
