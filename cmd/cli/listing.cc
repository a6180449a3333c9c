#include "cmd/cli/listing.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace smt::cmd {
namespace {

Result<State> state_named(const std::string& name) {
  std::string names;
  for (const State state : {State::kEmpty, State::kFresh, State::kStale, State::kSourceDead, State::kLinkDown,
                            State::kSubstituted}) {
    if (state_name(state) == name) return state;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", state_name(state));
  }
  return {Code::kInvalid, fmt::format("\"{}\" is no state; there are {}", name, names)};
}

}  // namespace

Result<std::vector<TopicInfo>> listed_topics(const ToolOptions& tool) {
  DomainOptions options = tool.domain;
  options.create = false;
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok() && domain.status().code() == Code::kNotFound) {
    spdlog::warn("{}", domain.status().message());
    return std::vector<TopicInfo>();
  }
  if (!domain.ok()) return domain.status();
  Result<DomainListing> listing = list_topics(*domain);
  if (!listing.ok()) return listing.status();
  for (const std::string& problem : listing->problems) spdlog::warn("{}", problem);
  return std::move(listing->topics);
}

Result<TopicFilter> TopicFilter::parse(const std::string& name, const std::string& type,
                                       const std::vector<std::string>& states) {
  Result<relay::Pattern> names = relay::Pattern::parse(name);
  if (!names.ok()) return names.status();
  TopicFilter filter{std::move(*names), {}, {}};
  if (!type.empty()) {
    Result<relay::Pattern> types = relay::Pattern::parse(type);
    if (!types.ok()) return types.status();
    filter.type = std::move(*types);
  }
  for (const std::string& word : states) {
    Result<State> state = state_named(word);
    if (!state.ok()) return state.status();
    filter.states.push_back(*state);
  }
  return filter;
}

bool TopicFilter::takes(const TopicInfo& topic) const {
  const State state = topic.freshness.state;
  return name.matches(topic.name) && (!type || type->matches(topic.schema.type_name)) &&
         (states.empty() || std::find(states.begin(), states.end(), state) != states.end());
}

}  // namespace smt::cmd
