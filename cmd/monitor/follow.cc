#include "cmd/monitor/follow.h"

#include <algorithm>
#include <chrono>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

constexpr int kMaxAtOnce = 1024;

}  // namespace

Result<Domain> wait_for_domain(DomainOptions options, int stop_fd, int64_t deadline_ns, const LogSink& log,
                               bool* waited) {
  options.create = false;
  for (bool told = false;; told = true) {
    Result<Domain> domain = Domain::open(options);
    if (waited != nullptr) *waited = told;
    if (domain.ok() || domain.status().code() != Code::kNotFound) return domain;
    if (!told) log.info(domain.status().message() + "; waiting");
    const int64_t now = boottime_ns();
    if (now >= deadline_ns || sleep_until(std::min(deadline_ns, now + 50'000'000), stop_fd)) return domain;
  }
}

void Sleeper::sleep(Waiter* waiter, int stop_fd, int64_t deadline_ns) {
  if (waiter->arm()) {
    const int64_t limit = boottime_ns() + std::chrono::nanoseconds(waiter->poll_limit()).count();
    sleep_until(std::min(deadline_ns, limit), stop_fd, waiter->fd());
  }
  waiter->collect();
  warn(waiter->problems());
}

void Sleeper::warn(const std::vector<std::string>& problems) {
  for (const std::string& problem : news_.look(problems)) log_.warn(problem);
}

Result<Follower> Follower::open(const Domain& domain, relay::PatternSet patterns, Begin begin,
                                const LogSink& log) {
  Result<Waiter> waiter = Waiter::open(domain);
  if (!waiter.ok()) return waiter.status();
  Follower follower(domain, std::move(patterns), begin, std::move(*waiter), log);
  follower.sleeper_.warn(follower.waiter_.problems());
  follower.look();
  follower.begin_ = Begin::kFirst;
  return follower;
}

Follower::Topic* Follower::find_topic(const std::string& name) {
  auto found = topics_.find(name);
  if (found == topics_.end()) {
    Result<Reader> reader = Reader::open(domain_, name, {.begin = begin_});
    if (!reader.ok()) return nullptr;
    found = topics_.emplace(name, Topic{std::move(*reader), Schema()}).first;
  }
  Topic& topic = found->second;
  (void)topic.reader.refresh();  // a new writer or generation; gone again is fine
  topic.schema = topic.reader.schema().value_or(topic.schema);
  changed_.push_back(name);
  return &topic;
}

void Follower::resolve(Node* node) {
  while (std::optional<DirectoryCursor::Change> change = node->directory.next(*node->segment)) {
    if (node->topics.size() <= change->index) node->topics.resize(node->directory.limit());
    Topic*& topic = node->topics[change->index];
    topic =
        change->topic && patterns_.matches(change->topic->name) ? find_topic(change->topic->name) : nullptr;
  }
}

void Follower::look() {
  const auto& segments = waiter_.nodes();
  std::erase_if(nodes_, [&](const auto& known) {
    return std::none_of(segments.begin(), segments.end(), [&](auto& s) { return s.get() == known.first; });
  });
  for (const auto& segment : segments) {
    Node& node = nodes_[segment.get()];
    node.segment = segment;
    resolve(&node);
  }
}

bool Follower::has_more(const std::string& topic) const {
  return std::find(changed_.begin(), changed_.end(), topic) != changed_.end();
}

bool Follower::drain(const Take& take) {
  look();
  std::vector<Topic*> moved;
  for (const std::string& name : std::exchange(changed_, {})) moved.push_back(&topics_.at(name));
  std::vector<uint32_t> indexes;
  for (auto& [segment, node] : nodes_) {
    indexes.clear();
    segment->scan(&node.seen, &indexes);
    for (uint32_t i : indexes) {
      if (i < node.topics.size() && node.topics[i] != nullptr) moved.push_back(node.topics[i]);
    }
  }
  std::sort(moved.begin(), moved.end());
  moved.erase(std::unique(moved.begin(), moved.end()), moved.end());
  for (Topic* topic : moved) {
    (void)topic->reader.refresh();  // whether its writer lives
    for (int taken = 0; const Sample* sample = topic->reader.next(); ++taken) {
      if (!take(topic->reader.topic(), *topic, *sample)) return false;
      if (taken + 1 < kMaxAtOnce) continue;
      changed_.push_back(topic->reader.topic());
      break;
    }
  }
  return true;
}

}  // namespace smt::cmd
