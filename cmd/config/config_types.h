// The types that values of the configuration have: how each is read and printed.
#ifndef SMT_CMD_CONFIG_CONFIG_TYPES_H_
#define SMT_CMD_CONFIG_CONFIG_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/config/config_read.h"
#include "cmd/text/config_value.h"
#include "cmd/text/format.h"
#include "cmd/text/loss_watch.h"
#include "relay/rules/rules.h"

namespace smt::cmd {

template <class U>
struct ConfigType {
  std::string_view name;  // in --help, as HZ; "": a flag that takes no value
  std::optional<Fault> (*read)(const Value& value, U* out);
  std::string (*print)(const U& value);  // as TOML; "": there is none to print
  bool list = false;                     // of texts: a flag that may be given several times
};

extern const ConfigType<bool> kBoolType;
extern const ConfigType<int64_t> kVersionType;
extern const ConfigType<std::string> kNameType;    // of a relay
extern const ConfigType<std::string> kDomainType;  // of a domain
extern const ConfigType<std::string> kPathType;
extern const ConfigType<std::string> kFileType;
extern const ConfigType<std::string> kGroupType;   // may be empty
extern const ConfigType<std::string> kPrefixType;  // a topic's name, in which {peer} may stand
extern const ConfigType<std::string> kPatternType;
extern const ConfigType<std::vector<std::string>> kPatternsType;  // of topics, one at least
extern const ConfigType<std::vector<std::string>> kPeersType;     // of names of peers, one at least
extern const ConfigType<std::vector<std::string>> kExcludesType;  // may be empty
extern const ConfigType<std::vector<std::string>> kConnectType;
extern const ConfigType<bool> kOrderType;  // random
extern const ConfigType<std::string> kBindType;
extern const ConfigType<std::string> kHttpAddressType;
extern const ConfigType<int64_t> kHertzType;  // the period; 0: no limit
extern const ConfigType<int64_t> kDurationType;
extern const ConfigType<std::optional<int64_t>> kMaxAgeType;
extern const ConfigType<uint64_t> kSegmentSizeType;  // 64M is 64 MiB, as for the next
extern const ConfigType<uint64_t> kSizeType;
extern const ConfigType<uint64_t> kByteRateType;  // 1M is 1,000,000 a second
extern const ConfigType<uint32_t> kCountType;     // from 1
extern const ConfigType<uint8_t> kDscpType;       // a number up to 63, or the name of a class
extern const ConfigType<double> kDeadbandType;
extern const ConfigType<std::vector<relay::Limit>> kLimitsType;  // one number, or a table of fields
extern const ConfigType<std::string> kValueTypeType;             // of a topic, see Schema::parse
extern const ConfigType<std::vector<std::byte>> kBytesType;      // base64
extern const ConfigType<relay::Rights> kRightsType;              // one at least
extern const ConfigType<bool> kModeType;                         // every
extern const ConfigType<relay::Priority> kPriorityType;
extern const ConfigType<relay::OnStale> kOnStaleType;
extern const ConfigType<OnLost> kOnLostType;
extern const ConfigType<std::string> kLogType;
extern const ConfigType<Format> kFormatType;

}  // namespace smt::cmd

#endif  // SMT_CMD_CONFIG_CONFIG_TYPES_H_
