#include "cmd/core/housekeeping.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <cstring>
#include <utility>

#include "cmd/text/text.h"
#include "shm/clock.h"
#include "shm/fields.h"

namespace smt::cmd {

SMT_FIELDS(DomainStatistics, nodes_live, nodes_dead, topics, conflicts, publications, reserved_bytes,
           folder_bytes, folder_free_bytes, came, adopted, ended, died, removed, unreadable)
SMT_FIELDS(NodeStatistics, live, pid, epoch, topics, publications, reserved_bytes, half_written)
// A member that is left out above would be missing from the topics.
static_assert(sizeof(DomainStatistics) == 14 * 8);
static_assert(sizeof(NodeStatistics) == 7 * 8);

namespace {

constexpr uint64_t kSegmentBytes = 4 << 20;

NodeStatistics statistics_of(const Member& member) {
  return {member.live,
          member.segment->pid(),
          member.epoch,
          member.topics.size(),
          member.publications,
          member.segment->reserved_bytes(),
          member.segment->half_written()};
}

}  // namespace

Result<Housekeeping> Housekeeping::open(const Domain& domain, const HousekeepingRules& rules) {
  Housekeeping housekeeping(domain, rules);
  Result<relay::PatternSet> keep = relay::PatternSet::parse(rules.keep);
  if (!keep.ok()) return keep.status();
  Result<relay::PatternSet> only = relay::PatternSet::parse(rules.only);
  if (!only.ok()) return only.status();
  housekeeping.keep_ = std::move(*keep);
  housekeeping.only_ = std::move(*only);
  return housekeeping;
}

Status Housekeeping::step() {
  removed_.clear();
  Result<std::vector<Census::Change>> changes = census_.look();
  if (!changes.ok()) return changes.status();
  log_changes(*changes);
  log_conflicts();
  for (const std::string& problem : news_.look(census_.problems())) spdlog::warn("{}", problem);
  for (const auto& [node, member] : census_.members()) {
    if (!due(node, member)) continue;
    const Status removed = remove_dead_node(domain_, node);
    if (removed.ok()) {
      ++counted_.removed;
      removed_[node] = member;
      spdlog::info("removed what node {} left, topics: {}, bytes: {}", node, member.topics.size(),
                   bytes_text(member.segment->reserved_bytes()));
    } else if (removed.code() != Code::kInUse && removed.code() != Code::kNotFound &&
               told_.insert(removed.message()).second) {
      spdlog::warn("{}", removed.message());
    }
  }
  return Status();
}

bool Housekeeping::due(const std::string& node, const Member& member) const {
  const bool named = (rules_.only.empty() || only_.matches(node)) && !keep_.matches(node);
  return rules_.remove_after_ns && named && !member.live && !member.segment->keep() &&
         boottime_ns() - member.alive_ns >= *rules_.remove_after_ns;
}

void Housekeeping::log_changes(const std::vector<Census::Change>& changes) {
  for (const Census::Change& change : changes) {
    const auto found = census_.members().find(change.node);
    const uint64_t pid = found != census_.members().end() ? found->second.segment->pid() : 0;
    if (change.node == kCoreNode) continue;
    switch (change.event) {
      case Census::Event::kCame:
        ++counted_.came;
        if (rules_.tells) spdlog::info("node {} has come, pid {}", change.node, pid);
        break;
      case Census::Event::kAdopted:
        ++counted_.adopted;
        spdlog::info("node {} goes on as pid {}", change.node, pid);
        break;
      case Census::Event::kEnded:
        ++counted_.ended;
        spdlog::info("node {} has ended", change.node);
        break;
      case Census::Event::kDied:
        ++counted_.died;
        spdlog::warn("node {} has died, pid {}", change.node, pid);
        break;
      case Census::Event::kGone:
        spdlog::info("node {} is gone", change.node);
        break;
    }
  }
}

void Housekeeping::log_conflicts() {
  std::map<std::string, std::vector<std::string>> now = census_.conflicts();
  for (const auto& [topic, nodes] : now) {
    const auto before = conflicts_.find(topic);
    if (before != conflicts_.end() && before->second == nodes) continue;
    spdlog::warn("{} is published by several nodes: {}; readers take whichever sample is the later", topic,
                 fmt::join(nodes, ", "));
  }
  for (const auto& [topic, nodes] : conflicts_) {
    if (!now.contains(topic)) spdlog::info("{} has one writer again", topic);
  }
  conflicts_ = std::move(now);
}

DomainStatistics Housekeeping::statistics() const {
  DomainStatistics s = counted_;
  for (const auto& [node, member] : census_.members()) {
    if (node == kCoreNode || removed_.contains(node)) continue;
    ++(member.live ? s.nodes_live : s.nodes_dead);
    if (member.live) s.topics += member.topics.size();
    s.publications += member.publications;
    s.reserved_bytes += member.segment->reserved_bytes();
  }
  s.conflicts = conflicts_.size();
  s.unreadable = census_.problems().size();
  struct statvfs folder;
  if (statvfs(domain_.path().c_str(), &folder) == 0) {
    s.folder_bytes = uint64_t{folder.f_blocks} * folder.f_frsize;
    s.folder_free_bytes = uint64_t{folder.f_bavail} * folder.f_frsize;
  }
  return s;
}

Result<StatisticsTopics> StatisticsTopics::open(const Domain& domain) {
  NodeOptions options;
  options.name = kCoreNode;
  options.segment_bytes = kSegmentBytes;
  options.remove_on_exit = true;
  Result<std::unique_ptr<Node>> node = Node::open(domain, options);
  if (!node.ok()) return node.status();
  return StatisticsTopics(std::move(*node));
}

Status StatisticsTopics::publish(const Housekeeping& housekeeping) {
  const auto show = [&]<class T>(std::optional<Shown<T>>* shown, const std::string& name, const T& value) {
    if (!*shown) {
      Result<Topic<T>> topic = Topic<T>::advertise(*node_, {.name = name});
      if (!topic.ok()) return topic.status();
      *shown = Shown<T>{std::move(*topic), T()};
    } else if (memcmp(&(*shown)->value, &value, sizeof value) == 0) {
      return Status();
    }
    (*shown)->value = value;
    return (*shown)->topic.publish(value);
  };
  if (Status s = show(&domain_, "smt/core/domain", housekeeping.statistics()); !s.ok()) return s;
  const std::map<std::string, Member>& members = housekeeping.census().members();
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    if (members.contains(it->first)) {
      ++it;
      continue;
    }
    const std::string topic = "smt/core/node/" + it->first;
    it = nodes_.erase(it);
    if (Status s = node_->remove(topic); !s.ok()) return s;
  }
  for (const auto& [node, member] : members) {
    if (node == kCoreNode) continue;
    if (Status s = show(&nodes_[node], "smt/core/node/" + node, statistics_of(member)); !s.ok()) return s;
  }
  return Status();
}

}  // namespace smt::cmd
