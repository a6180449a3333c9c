#include "shm/domain_view.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace smt {

namespace {
constexpr int64_t kMs = 1'000'000;
// A segment that could not be opened, or says it is retired, is tried again this often.
constexpr int64_t kRetryNs = 100 * kMs;
}  // namespace

DomainView& view_of(const Domain& domain) {
  DomainFolder& folder = domain.folder();
  std::call_once(folder.view_made, [&] { folder.view = std::make_shared<DomainView>(folder); });
  return *folder.view;
}

// The folder's time stamp is as coarse as the kernel's tick. A change in the tick of the last look leaves it
// as it is, so it counts only if it was clearly older than that look.
bool DomainView::folder_changed() {
  const int64_t now = folder_.clock.boottime_ns();
  if (now - sought_ns_ >= kRetryNs) {
    sought_ns_ = now;
    // kNotFound: nobody has made it again yet.
    if (folder_.gone() && folder_.rejoin(false).ok()) settled_ = false;
  }
  struct stat st;
  if (fstat(folder_.fd.get(), &st) != 0) return false;
  const bool same = st.st_mtim.tv_sec == folder_time_.tv_sec && st.st_mtim.tv_nsec == folder_time_.tv_nsec;
  if (same && settled_) {
    const bool waiting =
        !folder_problem_.empty() || std::any_of(known_.begin(), known_.end(), [](const auto& k) {
          return k.second.view == nullptr || k.second.lost || k.second.view->retired();
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

// Where it is the folder that has gone, that is reported already.
void DomainView::report_loss(const std::string& node, const Known& known) {
  if (known.folder != folder_.id()) return;
  folder_.report_loss("the segment of node " + node + " was removed from " + folder_.path);
}

// What a live owner still publishes into is kept without its name, until the name means another file.
void DomainView::forget_gone(const std::vector<std::string>& nodes) {
  for (auto it = known_.begin(); it != known_.end();) {
    Known& known = it->second;
    const bool listed = std::binary_search(nodes.begin(), nodes.end(), it->first);
    bool keep = listed;
    if (known.view != nullptr && !(listed && known.view->still_named(folder_.fd.get()))) {
      const bool retired = known.view->retired();
      keep = !known.view->closed() && (retired ? listed : known.view->owner_alive());
      if (keep && !retired && !std::exchange(known.told, true)) report_loss(it->first, known);
      known.lost = keep;
    }
    if (keep) {
      ++it;
    } else {
      it = known_.erase(it);
      ++changes_;
    }
  }
}

void DomainView::open(const std::string& node) {
  Known& known = known_[node];
  if (known.view != nullptr && !known.lost) return;
  Result<std::shared_ptr<SegmentView>> view = SegmentView::open(folder_, node);
  if (view.ok()) {
    // It was removed and made anew between two looks.
    const bool was_retired = known.view != nullptr && !known.told && known.view->retired();
    if (was_retired && (*view)->predecessor() == known.view->id()) report_loss(node, known);
    known = Known();
    known.view = std::move(*view);
    known.folder = folder_.id();
    ++changes_;
  } else if (view.status().code() == Code::kNotFound) {
    if (!known.lost) known_.erase(node);
  } else if (known.problem != node + ": " + view.status().message()) {
    known.problem = node + ": " + view.status().message();
    ++changes_;
  }
}

void DomainView::scan() {
  Result<std::vector<std::string>> nodes = folder_.nodes();
  const std::string problem = nodes.ok() ? "" : nodes.status().message();
  if (problem != folder_problem_) ++changes_;
  folder_problem_ = problem;
  if (!nodes.ok()) return;
  forget_gone(*nodes);
  for (const std::string& node : *nodes) open(node);
}

void DomainView::index(Known* known) {
  if (!known->directory.changed(*known->view)) return;
  ++changes_;
  while (std::optional<DirectoryCursor::Change> change = known->directory.next(*known->view)) {
    if (!has_names_) continue;
    const uint32_t i = change->index;
    if (known->name.size() <= i) known->name.resize(known->directory.limit());
    if (change->topic) {
      known->name[i] = change->topic->name;
      known->index[change->topic->name] = i;
      continue;
    }
    const auto old = known->index.find(known->name[i]);
    if (old != known->index.end() && old->second == i) known->index.erase(old);
    known->name[i].clear();
  }
}

// What was looked at without keeping its names is looked at again.
void DomainView::index_names() {
  if (std::exchange(has_names_, true)) return;
  for (auto& [node, known] : known_) {
    known.directory = DirectoryCursor();
    if (known.view != nullptr) index(&known);
  }
}

uint64_t DomainView::refresh() {
  std::lock_guard lock(mutex_);
  if (folder_changed()) scan();
  for (auto& [node, known] : known_) {
    if (known.view != nullptr) index(&known);
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
    for (uint32_t i : known.directory.damaged()) {
      out.push_back(node + ": the directory entry of topic " + std::to_string(i) +
                    " is damaged; restart the node, which replaces the segment");
    }
  }
  return out;
}

std::vector<TopicView> DomainView::find(std::string_view topic) {
  std::lock_guard lock(mutex_);
  index_names();
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
  index_names();
  std::vector<TopicView> out;
  for (const auto& [node, known] : known_) {
    if (known.view == nullptr) continue;
    for (uint32_t i = 0; i < known.name.size(); ++i) {
      if (known.name[i].empty()) continue;
      if (std::optional<TopicView> view = known.view->topic(i)) out.push_back(std::move(*view));
    }
  }
  return out;
}

}  // namespace smt
