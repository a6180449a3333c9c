#include "cmd/topic/pub_topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/cli/options.h"
#include "shm/reader.h"

namespace smt::cmd {

std::string PubTopics::node_of(const std::string& topic) const {
  return options_.name.empty() ? node_name_for("cli", topic) : options_.name;
}

Result<Schema> PubTopics::schema(const std::string& topic, const std::string& type) const {
  Result<Reader> reader = Reader::open(domain_, topic);
  if (!reader.ok()) return reader.status();
  if (type.empty()) {
    if (std::optional<Schema> there = reader->schema()) return *std::move(there);
    return {Code::kNotFound,
            fmt::format("no topic {} in {} whose type could be taken; write pub TOPIC TYPE VALUE", topic,
                        domain_.path())};
  }
  Result<Schema> ours = Schema::parse(type);
  if (!ours.ok()) return ours.status();
  for (const TopicView& view : reader->writers()) {
    if (view.segment->node() == node_of(topic)) continue;
    Result<Schema> theirs = view.segment->schema(view);
    if (!theirs.ok() || *theirs == *ours) continue;
    return {Code::kMismatch,
            fmt::format("topic {} of node {} has type {}, not {}\n  {}", topic, view.segment->node(),
                        theirs->type_name, ours->type_name, schema_diff(*theirs, *ours))};
  }
  return ours;
}

Status PubTopics::publish(const std::string& topic, const Schema& schema, std::span<const std::byte> value) {
  auto at = publishers_.find(topic);
  if (at == publishers_.end()) {
    NodeOptions options = options_;
    options.name = node_of(topic);
    if (Status s = check_name("node", options.name); !s.ok()) return s;
    std::unique_ptr<Node>& node = nodes_[options.name];
    if (node == nullptr) {
      Result<std::unique_ptr<Node>> opened = Node::open(domain_, options);
      if (!opened.ok()) return opened.status();
      node = std::move(*opened);
      losses_.add(node.get());
    }
    TopicOptions advertised;
    advertised.name = topic;
    advertised.schema = schema;
    if (schema.size == 0) advertised.max_bytes = std::max<size_t>(value.size(), 64);
    Result<Publisher> publisher = node->advertise(advertised);
    if (!publisher.ok()) return publisher.status();
    at = publishers_.emplace(topic, std::move(*publisher)).first;
  }
  return at->second.publish(value);
}

}  // namespace smt::cmd
