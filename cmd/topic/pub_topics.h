// The topics that smttopic pub publishes.
#ifndef SMT_CMD_TOPIC_PUB_TOPICS_H_
#define SMT_CMD_TOPIC_PUB_TOPICS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "cmd/text/loss_watch.h"
#include "shm/domain.h"
#include "shm/node.h"
#include "shm/schema.h"
#include "shm/status.h"

namespace smt::cmd {

class PubTopics {
 public:
  // Without node.name each topic has a node of its own, cli-<hash of the topic>, whoever starts the tool: it
  // goes on where the one before ended.
  PubTopics(const Domain& domain, const NodeOptions& node, LossWatch losses)
      : domain_(domain), options_(node), losses_(std::move(losses)) {}

  // `type` as Schema::parse takes it, or where it is empty the type of the topic that is there. kNotFound:
  // there is none. kMismatch: another node has the topic with another type, and its readers would not take
  // ours.
  Result<Schema> schema(const std::string& topic, const std::string& type) const;
  // Advertises the topic at its first time. kInvalid: bad topic or node name, or not a value of the schema.
  Status publish(const std::string& topic, const Schema& schema, std::span<const std::byte> value);
  // The watch covers the nodes that have been opened.
  LossWatch& losses() { return losses_; }

 private:
  std::string node_of(const std::string& topic) const;

  Domain domain_;
  NodeOptions options_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;  // by name; they outlive the publishers
  LossWatch losses_;
  std::map<std::string, Publisher> publishers_;  // by topic
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TOPIC_PUB_TOPICS_H_
