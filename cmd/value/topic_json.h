// The JSON shapes of DESIGN section 8, which scripts rely on.
#ifndef SMT_CMD_VALUE_TOPIC_JSON_H_
#define SMT_CMD_VALUE_TOPIC_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/text/format.h"
#include "cmd/value/value.h"
#include "shm/list.h"
#include "shm/reader.h"

namespace smt::cmd {

// `smttopic list`. An age that cannot be told is null, and so are its error and the delay of what was not
// mirrored.
Json topic_json(const TopicInfo& topic);
// `smttopic info`: the same object and "schema".
Json topic_json_with_schema(const TopicInfo& topic);

// A sample as it is shown: what the reader knows of it at this moment.
struct ShownSample {
  std::string topic;
  Schema schema;
  Sample sample;
  int64_t receive_ns = 0;  // REALTIME of writing into the ring, or of arrival
  std::optional<int64_t> age_ns;
  State state = State::kEmpty;
  std::optional<Json> value = {};  // what is to be shown of it; nothing: all
};
// The value as it is shown. REQUIRES: sequence is not 0
Json shown_value(const ShownSample& shown);
// `smttopic echo`. The value of sequence 0, which is none, is null.
Json sample_json(const ShownSample& shown);

// A list of objects of one shape as `format` says: an array, an object a line, or CSV with a header row
// (arrays and objects in a cell are JSON). kTable is the caller's own affair.
std::string objects_text(const std::vector<Json>& objects, Format format, bool csv_header = true);

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_TOPIC_JSON_H_
