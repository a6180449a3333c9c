#include "relay/rules/dscp.h"

#include <utility>

namespace smt::relay {
namespace {

constexpr std::pair<std::string_view, uint8_t> kClasses[] = {
    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},
    {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18},
    {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34},
    {"af42", 36}, {"af43", 38}, {"ef", 46},   {"va", 44},   {"le", 1}};

}  // namespace

Result<uint8_t> dscp_of(std::string_view name) {
  for (const auto& [known, dscp] : kClasses) {
    if (known == name) return dscp;
  }
  return Status(Code::kInvalid,
                "\"" + std::string(name) +
                    "\" is no class of DSCP: write ef, cs0 to cs7, af11 to af43, va, le, or a "
                    "number from 0 to 63");
}

std::string_view dscp_name(uint8_t dscp) {
  for (const auto& [name, known] : kClasses) {
    if (known == dscp) return name;
  }
  return "";
}

}  // namespace smt::relay
