// smt-register-builder: registers of a device described in XML, for C++, C, Python and as JSON.
#include "cmd/api/builder.h"
#include "cmd/api/parse.h"

extern "C" int smt_register_builder_main(int argc, char** argv) {
  const smt::cmd::api::Builder builder = {"smt-register-builder",
                                          "Registers of a device described in XML, for C++, C and Python",
                                          "The format: docs/register-builder.md and docs/registers.xsd. Exit "
                                          "codes: 2 the description is wrong, 5 an\n"
                                          "output is not up to date (--check).",
                                          smt::cmd::api::parse_registers};
  return smt::cmd::api::run_builder(builder, argc, argv);
}
