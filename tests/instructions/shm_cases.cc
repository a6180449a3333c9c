// Publications, reads and scans in shared memory, of values of 8 bytes.
#include <memory>
#include <optional>
#include <string>

#include "shm/clock.h"
#include "shm/node.h"
#include "shm/segment_view.h"
#include "shm/tick_clock.h"
#include "shm/topic.h"
#include "tests/instructions/cases.h"
#include "tests/temp_folder.h"

namespace smt::instructions {
namespace {

constexpr int kCalls = 1000;
constexpr int kScannedTopics = 1000;

// The clock stands still, so that no call asks the kernel for a writer's life.
int64_t stand_still() { return int64_t{1} << 40; }

Domain open_domain(const TempFolder& folder) {
  return must(Domain::open({.root = folder.path(), .domain = "d", .clock = {stand_still, stand_still}}));
}

// A topic of a number, and a reader of it.
class Scene {
 public:
  explicit Scene(Begin begin = Begin::kOldest, int writers = 1) {
    for (int i = 0; i < writers; ++i) {
      nodes_.push_back(must(Node::open(domain_, {.name = std::to_string(i), .segment_bytes = 1 << 20})));
      topics_.push_back(must(Topic<double>::advertise(*nodes_.back(), {.name = "t", .history = 128})));
      publish();
    }
    reader_.emplace(must(Reader::open(domain_, "t", {.begin = begin})));
    for (int i = 0; i < 32; ++i) publish();
  }
  // The writers take turns.
  void publish() {
    require(topics_[next_].publish(1.0, 1, ++born_).ok(), "no publication");
    next_ = (next_ + 1) % topics_.size();
  }
  // One more value than was read.
  void go_on() {
    while (reader_->next() != nullptr) {
    }
    publish();
  }
  Topic<double>& topic() { return topics_[0]; }
  Reader& reader() { return *reader_; }

 private:
  const TempFolder folder_;
  const Domain domain_ = open_domain(folder_);
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Topic<double>> topics_;
  std::optional<Reader> reader_;
  size_t next_ = 0;
  int64_t born_ = 0;
};

uint64_t publish() {
  Scene scene;
  for (int64_t i = 0; i < kCalls; ++i) {
    Status status;
    measured([&] { status = scene.topic().publish(1.0, 1, i); });
    require(status.ok(), "no publication");
  }
  return kCalls;
}

// The clocks of a publication that is given none: ticks of a nanosecond, a microsecond from one to the next.
int64_t passed_ns = 0;
uint64_t look_at_ticks() { return static_cast<uint64_t>(passed_ns); }
int64_t look_at_clock() { return passed_ns; }

uint64_t tick_clock() {
  TickClock clock({look_at_clock, look_at_clock}, look_at_ticks);
  const auto next = [&] {
    passed_ns += 1000;
    return clock.at(look_at_ticks()).boottime_ns;
  };
  for (int i = 0; i < 100'000; ++i) next();  // until it knows the rate
  for (int i = 0; i < kCalls; ++i) {
    int64_t now = 0;
    measured([&] { now = next(); });
    require(passed_ns - now <= 2000, "the clock is behind");
  }
  return kCalls;
}

template <class Read>
uint64_t count_reads(const Read& read, Begin begin = Begin::kOldest, int writers = 1) {
  Scene scene(begin, writers);
  for (int i = 0; i < kCalls; ++i) {
    scene.go_on();
    bool good = false;
    measured([&] { good = read(scene.reader()); });
    require(good, "a read gave no value");
  }
  return kCalls;
}
bool latest_into(Reader& reader) {
  double value;
  SampleHead head;
  return reader.latest_into(&value, sizeof value, &head);
}
bool latest(Reader& reader) { return reader.latest() != nullptr; }
bool latest_fresh(Reader& reader) { return reader.latest_fresh() != nullptr; }
bool next(Reader& reader) { return reader.next() != nullptr; }
bool borrow(Reader& reader) {
  const std::optional<Borrowed> borrowed = reader.borrow();
  return borrowed && borrowed->bytes()[0] == std::byte{0} && borrowed->valid();
}

template <class Read>
Case reads(std::string name, const Read& read, Begin begin = Begin::kOldest, int writers = 1) {
  return {std::move(name), [=] { return count_reads(read, begin, writers); }};
}

// Of a thousand topics, of which all change between two scans, or none.
uint64_t scan(bool all_change) {
  const TempFolder folder;
  const Domain domain = open_domain(folder);
  const std::unique_ptr<Node> node = must(Node::open(domain, {.name = "n", .segment_bytes = 1 << 24}));
  std::vector<Topic<double>> topics;
  for (int i = 0; i < kScannedTopics; ++i)
    topics.push_back(must(Topic<double>::advertise(*node, {.name = "t" + std::to_string(i)})));
  const std::shared_ptr<SegmentView> view = must(SegmentView::open(domain, "n"));
  std::vector<uint64_t> seen;
  std::vector<uint32_t> changed;
  view->scan(&seen, &changed);
  for (int i = 0; i < 10; ++i) {
    for (Topic<double>& topic : topics) {
      if (all_change) require(topic.publish(1.0, 1, 1).ok(), "no publication");
    }
    changed.clear();
    measured([&] { view->scan(&seen, &changed); });
    require(changed.size() == (all_change ? kScannedTopics : 0), "a scan missed a change");
  }
  return 10 * kScannedTopics;
}

}  // namespace

std::vector<Case> shm_cases() {
  return {{"publish", publish},
          {"tick_clock", tick_clock},
          reads("latest_into", latest_into),
          reads("latest_into_from_newest", latest_into, Begin::kNewest),
          reads("latest", latest),
          reads("latest_of_two_writers", latest, Begin::kOldest, 2),
          reads("latest_fresh", latest_fresh),
          reads("next", next),
          reads("next_from_newest", next, Begin::kNewest),
          reads("next_from_first", next, Begin::kFirst),
          reads("next_of_two_writers", next, Begin::kOldest, 2),
          reads("borrow", borrow),
          {"scan", [] { return scan(false); }},
          {"scan_all_changed", [] { return scan(true); }}};
}

}  // namespace smt::instructions
