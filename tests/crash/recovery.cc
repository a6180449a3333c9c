#include "tests/crash/recovery.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <span>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/crash/owner.h"

namespace smt {

namespace {

constexpr uint64_t kSuccessor = 1'000'000;  // values from here on are the successor's
constexpr int64_t kLimitNs = 100'000'000;

int64_t thread_cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// One image, looked at before and after the take-over by readers of one domain handle.
class Look {
 public:
  Look(const Domain& domain, const Progress& progress, Recovery* out)
      : domain_(domain), progress_(progress), out_(out) {
    for (const char* topic : Progress::kTopics) {
      Result<Reader> reader = Reader::open(domain_, topic);
      readers_.push_back(std::move(*reader));  // ok, as the name is
    }
  }

  // Each topic as its owner left it: old or new, never torn, never anything else.
  void read(const char* when) {
    const Result<DomainListing> listing = list_topics(domain_);
    for (const std::string& problem : listing->problems) violation(std::string(when) + ": " + problem);
    for (size_t i = 0; i < readers_.size(); ++i) {
      const TopicProgress& topic = progress_.topic[i];
      const std::string what = std::string(when) + ": topic " + Progress::kTopics[i];
      const bool there = std::any_of(listing->topics.begin(), listing->topics.end(),
                                     [&](const TopicInfo& t) { return t.name == Progress::kTopics[i]; });
      if (there && topic.presence == Presence::kGone) violation(what + " is there");
      if (!there && topic.presence == Presence::kThere) violation(what + " is not there");
      if (!there) continue;
      (void)readers_[i].refresh();
      const Sample* sample = readers_[i].latest();
      if (sample == nullptr) {
        if (topic.done != 0) violation(what + " has lost its value " + std::to_string(topic.done));
        continue;
      }
      const uint64_t value = value_of(*sample);
      if (value == 0) violation(what + " is torn");
      if (value < topic.done || value > topic.begun) {
        violation(what + " reads as " + std::to_string(value) + ", published are " +
                  std::to_string(topic.done) + " and perhaps " + std::to_string(topic.begun));
      }
      read_in_order(i, what);
    }
  }

  // A value published by the successor arrives, after all that was there before it.
  void publish(Node* node, size_t i) {
    const std::string what = std::string("successor: topic ") + Progress::kTopics[i];
    const Sample* before = readers_[i].latest();
    const uint64_t sequence = before == nullptr ? 0 : before->sequence;
    Result<Publisher> p = node->advertise({.name = Progress::kTopics[i], .max_bytes = 64});
    if (!p.ok()) return violation(what + ": " + p.status().message());
    const std::vector<uint64_t> value(8, kSuccessor + i);
    if (Status s = p->publish(std::as_bytes(std::span(value))); !s.ok())
      return violation(what + ": " + s.message());
    (void)readers_[i].refresh();
    const Sample* sample = readers_[i].latest();
    if (sample == nullptr || value_of(*sample) != kSuccessor + i) return violation(what + " is not read");
    if (node->birth().adopted && sample->sequence <= sequence) violation(what + " steps back");
    if (node->birth().adopted && readers_[i].reopened() != 0) violation(what + " had to be reopened");
  }

  void violation(const std::string& what) { out_->violations.push_back(what); }

 private:
  // All that the ring still holds: in order, none torn.
  void read_in_order(size_t i, const std::string& what) {
    Result<Reader> reader = Reader::open(domain_, Progress::kTopics[i]);
    uint64_t last = 0;
    while (const Sample* sample = reader->next()) {
      const uint64_t value = value_of(*sample);
      if (value <= last) violation(what + " has " + std::to_string(value) + " after " + std::to_string(last));
      last = value;
    }
  }

  const Domain& domain_;
  const Progress& progress_;
  Recovery* out_;
  std::vector<Reader> readers_;
};

}  // namespace

Recovery recover(const std::string& root, const Progress& progress) {
  Recovery out;
  Result<Domain> domain = Domain::open({.root = root, .domain = "d", .create = false});
  if (!domain.ok()) {
    out.violations.push_back(domain.status().message());
    return out;
  }
  Look look(*domain, progress, &out);
  look.read("killed");
  const int64_t begin = thread_cpu_ns();
  Result<std::unique_ptr<Node>> node = Node::open(*domain, {.name = kNode});
  out.slowest_ns = thread_cpu_ns() - begin;
  if (out.slowest_ns > kLimitNs) look.violation("taking over took longer than 100 ms");
  if (!node.ok()) {
    look.violation("no successor: " + node.status().message());
    return out;
  }
  const Birth& birth = (*node)->birth();
  out.half_written = birth.half_written;
  if (birth.half_written > 1) look.violation("more than one slot is half-written");
  if (!birth.adopted && !progress.replacing) look.violation("not adopted: " + birth.replaced_why);
  if (birth.adopted) look.read("taken over");
  // All four, one after the other: none may lie in another's memory.
  for (size_t i = 0; i < Progress::kTopics.size(); ++i) look.publish(node->get(), i);
  for (size_t i = 0; i < Progress::kTopics.size(); ++i) {
    Result<Reader> reader = Reader::open(*domain, Progress::kTopics[i]);
    const Sample* sample = reader->latest();
    if (sample == nullptr || value_of(*sample) != kSuccessor + i) {
      look.violation(std::string("successor: topic ") + Progress::kTopics[i] + " does not keep its value");
    }
  }
  return out;
}

}  // namespace smt
