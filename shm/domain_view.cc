#include "shm/domain_view.h"

#include <sys/stat.h>

#include <algorithm>

#include "shm/domain_state.h"

namespace smt {

namespace {
constexpr int64_t kMs = 1'000'000;
// A segment that could not be opened, or says it is retired, is tried again this often.
constexpr int64_t kRetryNs = 100 * kMs;
}  // namespace

// The folder's time stamp is as coarse as the kernel's tick. A change in the tick of the last look leaves it
// as it is, so it counts only if it was clearly older than that look.
bool DomainView::FolderChanged() {
  struct stat st;
  if (fstat(domain_.folder.get(), &st) != 0) return false;
  const int64_t now = domain_.clock.boottime_ns();
  const bool same = st.st_mtim.tv_sec == folder_time_.tv_sec && st.st_mtim.tv_nsec == folder_time_.tv_nsec;
  if (same && settled_) {
    const bool waiting =
        !folder_problem_.empty() || std::any_of(known_.begin(), known_.end(), [](const auto& k) {
          return k.second.view == nullptr || k.second.view->retired();
        });
    return waiting && now - scanned_ns_ >= kRetryNs;
  }
  timespec real;
  clock_gettime(CLOCK_REALTIME, &real);
  const int64_t age =
      (int64_t{real.tv_sec} - st.st_mtim.tv_sec) * 1000 * kMs + real.tv_nsec - st.st_mtim.tv_nsec;
  settled_ = age > 50 * kMs;
  folder_time_ = st.st_mtim;
  scanned_ns_ = now;
  return true;
}

void DomainView::Scan() {
  Result<std::vector<std::string>> nodes = domain_.nodes();
  const std::string problem = nodes.ok() ? "" : nodes.status().message();
  if (problem != folder_problem_) ++changes_;
  folder_problem_ = problem;
  if (!nodes.ok()) return;
  for (auto it = known_.begin(); it != known_.end();) {
    const bool listed = std::binary_search(nodes->begin(), nodes->end(), it->first);
    const bool good =
        listed && it->second.view != nullptr && it->second.view->StillNamed(domain_.folder.get());
    if (!good && !(listed && it->second.view == nullptr)) {
      it = known_.erase(it);
      ++changes_;
    } else {
      ++it;
    }
  }
  for (const std::string& node : *nodes) {
    Known& known = known_[node];
    if (known.view != nullptr) continue;
    Result<std::shared_ptr<SegmentView>> view = SegmentView::Open(domain_, node);
    if (view.ok()) {
      known = Known();
      known.view = std::move(*view);
      ++changes_;
    } else if (view.status().code() == Code::kNotFound) {
      known_.erase(node);
    } else if (known.problem != node + ": " + view.status().message()) {
      known.problem = node + ": " + view.status().message();
      ++changes_;
    }
  }
}

void DomainView::Index(Known* known) {
  // The version first: what changes from here on is seen by the next look.
  const uint64_t version = known->view->directory_version();
  if (version == known->directory_version) return;
  known->directory_version = version;
  ++changes_;
  known->damaged.clear();
  const uint32_t limit = known->view->topic_limit();
  known->generation.resize(limit, 0);
  known->name.resize(limit);
  for (uint32_t i = 0; i < limit; ++i) {
    const uint64_t generation = known->view->generation(i);
    if (generation == known->generation[i]) continue;
    const auto old = known->index.find(known->name[i]);
    if (old != known->index.end() && old->second == i) known->index.erase(old);
    known->name[i].clear();
    known->generation[i] = generation;
    bool damaged = false;
    if (std::optional<TopicView> topic = known->view->topic(i, &damaged)) {
      known->generation[i] = topic->generation;
      known->name[i] = topic->name;
      known->index[topic->name] = i;
    }
    if (damaged) known->damaged.push_back(i);
  }
}

uint64_t DomainView::refresh() {
  std::lock_guard lock(mutex_);
  if (FolderChanged()) Scan();
  for (auto& [node, known] : known_) {
    if (known.view != nullptr) Index(&known);
  }
  return changes_;
}

std::vector<std::shared_ptr<SegmentView>> DomainView::segments() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<SegmentView>> out;
  for (const auto& [node, known] : known_) {
    if (known.view != nullptr) out.push_back(known.view);
  }
  return out;
}

std::vector<std::string> DomainView::problems() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  if (!folder_problem_.empty()) out.push_back(folder_problem_);
  for (const auto& [node, known] : known_) {
    if (!known.problem.empty()) out.push_back(known.problem);
    for (uint32_t i : known.damaged) {
      out.push_back(node + ": the directory entry of topic " + std::to_string(i) +
                    " is damaged; restart the node, which replaces the segment");
    }
  }
  return out;
}

std::vector<TopicView> DomainView::find(std::string_view topic) {
  std::lock_guard lock(mutex_);
  std::vector<TopicView> out;
  const std::string name(topic);
  for (const auto& [node, known] : known_) {
    if (known.view == nullptr) continue;
    const auto it = known.index.find(name);
    if (it == known.index.end()) continue;
    std::optional<TopicView> view = known.view->topic(it->second);
    if (view && view->name == name) out.push_back(std::move(*view));
  }
  return out;
}

std::vector<TopicView> DomainView::all() {
  std::lock_guard lock(mutex_);
  std::vector<TopicView> out;
  for (const auto& [node, known] : known_) {
    if (known.view == nullptr) continue;
    for (uint32_t i = 0; i < known.generation.size(); ++i) {
      if (known.name[i].empty()) continue;
      if (std::optional<TopicView> view = known.view->topic(i)) out.push_back(std::move(*view));
    }
  }
  return out;
}

}  // namespace smt
