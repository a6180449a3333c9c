// Which samples are shown, and what of them: --field and --filter.
#ifndef SMT_CMD_VALUE_SAMPLE_CHOICE_H_
#define SMT_CMD_VALUE_SAMPLE_CHOICE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cmd/value/field_selection.h"
#include "cmd/value/filter.h"
#include "cmd/value/topic_json.h"
#include "shm/status.h"

namespace smt::cmd {

// A topic that lacks one of the fields named is left out.
class SampleChoice {
 public:
  // An empty `filter` is none. kInvalid: see Filter::parse.
  static Result<SampleChoice> parse(const std::vector<std::string>& fields, const std::string& filter);

  // A topic that there is. Returns a sentence for each topic that is left out, once, as soon as another one
  // is not.
  std::vector<std::string> add(const std::string& topic, const Schema& schema);
  // kInvalid, with the fields there are: topics were added, and none of them has those named.
  Status check() const;
  // Puts into shown->value what is to be shown of it. False: nothing.
  bool choose(ShownSample* shown);

 private:
  struct Known {
    Schema schema;
    Status problem;
    bool told = false;
  };
  SampleChoice(const std::vector<std::string>& fields, std::optional<Filter> filter)
      : fields_(fields), filter_(std::move(filter)) {}
  bool chooses_all() const { return fields_.empty() && !filter_; }
  const Known& find(const std::string& topic, const Schema& schema);

  FieldSelection fields_;
  std::optional<Filter> filter_;
  std::map<std::string, Known> known_;
  size_t fitting_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_VALUE_SAMPLE_CHOICE_H_
