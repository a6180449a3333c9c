#include "cmd/monitor/census.h"

#include <sys/stat.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "shm/clock.h"

namespace smt::cmd {
namespace {

// BOOTTIME at which the segment's newest sample was written; 0: none, or of another boot.
int64_t newest_written(const SegmentView& segment) {
  int64_t newest = 0;
  if (!segment.same_time()) return 0;
  for (uint32_t i = 0; i < segment.topic_limit(); ++i) {
    const std::optional<TopicView> topic = segment.topic(i);
    if (!topic) continue;
    if (const std::optional<SampleHead> head = peek_newest(*topic))
      newest = std::max(newest, head->written_ns);
  }
  return newest;
}

// BOOTTIME of the last change of the node's file.
int64_t file_changed(const Domain& domain, const std::string& node, int64_t now_ns) {
  struct stat st;
  if (stat((domain.path() + "/" + node).c_str(), &st) != 0) return now_ns;
  const int64_t age_ns = realtime_ns() - (int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec);
  return now_ns - std::max<int64_t>(0, age_ns);
}

}  // namespace

void Census::count_topics(Member* member) {
  const SegmentView& segment = *member->segment;
  std::vector<uint32_t> changed;
  segment.scan(&member->counters, &changed);
  member->publications = std::accumulate(member->counters.begin(), member->counters.end(), uint64_t{0});
  if (!member->directory.changed(segment)) return;
  while (std::optional<DirectoryCursor::Change> change = member->directory.next(segment)) {
    if (member->names.size() <= change->index) member->names.resize(member->directory.limit());
    member->names[change->index] = change->topic ? std::move(change->topic->name) : "";
  }
  member->topics.clear();
  std::copy_if(member->names.begin(), member->names.end(), std::back_inserter(member->topics),
               [](const std::string& name) { return !name.empty(); });
  std::sort(member->topics.begin(), member->topics.end());
}

Result<std::vector<Census::Change>> Census::look() {
  Result<std::vector<std::string>> names = domain_.nodes();
  if (!names.ok()) return names.status();
  std::vector<Change> changes;
  problems_.clear();
  std::erase_if(members_, [&](const auto& known) {
    if (std::binary_search(names->begin(), names->end(), known.first)) return false;
    changes.push_back({Event::kGone, known.first});
    return true;
  });
  for (const std::string& name : *names) take(name, &changes);
  return changes;
}

void Census::take(const std::string& node, std::vector<Change>* changes) {
  auto known = members_.find(node);
  std::shared_ptr<SegmentView> segment;
  if (known != members_.end() && known->second.segment->owner_alive() && !known->second.segment->retired()) {
    segment = known->second.segment;
  } else {  // the name may mean another file by now
    Result<std::shared_ptr<SegmentView>> opened = SegmentView::open(domain_, node);
    if (!opened.ok() && opened.status().code() != Code::kNotFound)
      problems_.push_back(node + ": " + opened.status().message());
    if (opened.ok()) segment = std::move(*opened);
  }
  if (known != members_.end() && (segment == nullptr || known->second.segment->id() != segment->id())) {
    members_.erase(known);
    known = members_.end();
  }
  if (segment == nullptr) return;

  const bool is_new = known == members_.end();
  const int64_t now = boottime_ns();
  Member& member = members_[node];
  const bool lived = std::exchange(member.live, segment->owner_alive());
  const bool other_owner = std::exchange(member.epoch, segment->epoch()) != segment->epoch() && !is_new;
  member.segment = std::move(segment);
  count_topics(&member);
  if (member.live) {
    member.alive_ns = now;
    if (is_new || other_owner) changes->push_back({is_new ? Event::kCame : Event::kAdopted, node});
  } else if (lived || other_owner) {
    member.alive_ns = now;
    changes->push_back({member.segment->closed() ? Event::kEnded : Event::kDied, node});
  } else if (is_new) {
    const int64_t written = newest_written(*member.segment);
    member.alive_ns = written > 0 && written <= now ? written : file_changed(domain_, node, now);
  }
}

std::map<std::string, std::vector<std::string>> Census::conflicts() const {
  std::map<std::string, std::vector<std::pair<std::string, uint32_t>>>
      holders;  // with the topic's index there
  for (const auto& [node, member] : members_) {
    if (!member.live) continue;
    for (uint32_t i = 0; i < member.names.size(); ++i) {
      if (!member.names[i].empty()) holders[member.names[i]].emplace_back(node, i);
    }
  }
  std::map<std::string, std::vector<std::string>> conflicts;
  for (const auto& [topic, nodes] : holders) {
    if (nodes.size() < 2) continue;
    std::vector<std::string> writers;
    for (const auto& [node, index] : nodes) {
      const SegmentView& segment = *members_.at(node).segment;
      const std::optional<TopicView> view = segment.topic(index);
      if (view && segment.is_current(*view)) writers.push_back(node);
    }
    if (writers.size() > 1) conflicts[topic] = std::move(writers);
  }
  return conflicts;
}

}  // namespace smt::cmd
