// The types that values of the configuration have: how each is read and printed.
#ifndef SMT_CMD_CONFIG_TYPES_H_
#define SMT_CMD_CONFIG_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/config_value.h"
#include "cmd/output.h"
#include "relay/rules.h"

namespace smt::cmd {

// What is wrong with a value, at it or inside it.
struct Fault {
  Place place;
  std::string message;
};

template <class U>
struct Type {
  std::string_view name;  // in --help, as HZ; "": a flag that takes no value
  std::optional<Fault> (*read)(const Value& value, U* out);
  std::string (*print)(const U& value);  // as TOML; "": there is none to print
  bool list = false;                     // of texts: a flag that may be given several times
};

extern const Type<bool> kBoolType;
extern const Type<int64_t> kVersionType;
extern const Type<std::string> kNameType;    // of a relay
extern const Type<std::string> kDomainType;  // of a domain
extern const Type<std::string> kPathType;
extern const Type<std::string> kFileType;
extern const Type<std::string> kGroupType;   // may be empty
extern const Type<std::string> kPrefixType;  // a topic's name, in which {peer} may stand
extern const Type<std::string> kPatternType;
extern const Type<std::vector<std::string>> kPatternsType;  // of topics, one at least
extern const Type<std::vector<std::string>> kPeersType;     // of names of peers, one at least
extern const Type<std::vector<std::string>> kExcludesType;  // may be empty
extern const Type<std::vector<std::string>> kConnectType;
extern const Type<std::string> kBindType;
extern const Type<int64_t> kHertzType;  // the period; 0: no limit
extern const Type<int64_t> kDurationType;
extern const Type<std::optional<int64_t>> kMaxAgeType;
extern const Type<uint64_t> kSegmentSizeType;  // 64M is 64 MiB, as for the next
extern const Type<uint64_t> kSizeType;
extern const Type<uint64_t> kByteRateType;  // 1M is 1,000,000 a second
extern const Type<uint32_t> kCountType;     // from 1
extern const Type<double> kDeadbandType;
extern const Type<std::vector<relay::Limit>> kLimitsType;  // one number, or a table of fields
extern const Type<std::string> kValueTypeType;             // of a topic, see Schema::Parse
extern const Type<std::vector<std::byte>> kBytesType;      // base64
extern const Type<relay::Rights> kRightsType;              // one at least
extern const Type<bool> kModeType;                         // every
extern const Type<relay::Priority> kPriorityType;
extern const Type<relay::OnStale> kOnStaleType;
extern const Type<std::string> kLogType;
extern const Type<Format> kFormatType;

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_TYPES_H_
