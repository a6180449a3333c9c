#include "cmd/value/sample_choice.h"

#include <fmt/format.h>

#include <utility>

#include "shm/printable.h"

namespace smt::cmd {

Result<SampleChoice> SampleChoice::parse(const std::vector<std::string>& fields, const std::string& filter) {
  if (filter.empty()) return SampleChoice(fields, {});
  Result<Filter> parsed = Filter::parse(filter);
  if (!parsed.ok()) return parsed.status();
  return SampleChoice(fields, std::move(*parsed));
}

const SampleChoice::Known& SampleChoice::find(const std::string& topic, const Schema& schema) {
  const auto [at, is_new] = known_.try_emplace(topic);
  Known& known = at->second;
  if (!is_new && known.schema == schema) return known;
  if (!is_new && known.problem.ok()) --fitting_;
  known.schema = schema;
  known.problem = fields_.check(schema);
  if (known.problem.ok() && filter_) known.problem = filter_->check(schema);
  if (known.problem.ok()) ++fitting_;
  return known;
}

std::vector<std::string> SampleChoice::add(const std::string& topic, const Schema& schema) {
  std::vector<std::string> left_out;
  if (chooses_all()) return left_out;
  (void)find(topic, schema);
  if (fitting_ == 0) return left_out;
  for (auto& [name, known] : known_) {
    if (known.problem.ok() || std::exchange(known.told, true)) continue;
    left_out.push_back(
        fmt::format("{} is left out: {}", printable(name), printable(known.problem.message())));
  }
  return left_out;
}

Status SampleChoice::check() const {
  return fitting_ != 0 || known_.empty() ? Status() : known_.begin()->second.problem;
}

bool SampleChoice::choose(ShownSample* shown) {
  if (chooses_all()) return true;
  if (!find(shown->topic, shown->schema).problem.ok()) return false;
  Json value = value_to_json(shown->schema, shown->sample.bytes);
  if (filter_ && !filter_->matches(value)) return false;
  shown->value = fields_.empty() ? std::move(value) : fields_.select(value);
  return true;
}

}  // namespace smt::cmd
