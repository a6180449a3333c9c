// Registers in samples, bit by bit and by name.
#ifndef SMT_CMD_API_REGISTER_DECODER_H_
#define SMT_CMD_API_REGISTER_DECODER_H_

#include <map>
#include <optional>
#include <string>

#include "cmd/api/model.h"
#include "cmd/text/config_value.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd::api {

class RegisterDecoder {
 public:
  // docs/registers.xsd. Nothing, after each error as FILE:LINE:COLUMN.
  static std::optional<RegisterDecoder> open(const std::string& path, ConfigErrors* errors);

  // Puts behind each register that is shown what its bits mean: "Status.state", or "Torque.value" of a whole
  // one; a value of an enum that has no name is a number. shown->schema gets their units. False: the sample
  // is none of the description's maps, and is as it was.
  bool decode(ShownSample* shown) const;

 private:
  explicit RegisterDecoder(Api api);

  Api api_;
  std::map<uint64_t, size_t> maps_;  // by the hash of the schema, in api_.maps
};

// The meaning of some bits of a register's value: a number, a bool or the name of an enum's value.
Json meaning_of(const Api& api, const BitField& bits, uint64_t value);

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_REGISTER_DECODER_H_
