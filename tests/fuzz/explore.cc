#include "tests/fuzz/explore.h"

#include <ctime>
#include <set>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/segment_view.h"
#include "tests/fuzz/images.h"

namespace smt {

namespace {

// As many topics as one exploration reads one by one; the rest is only listed.
constexpr uint32_t kTopicsRead = 4;

int64_t thread_cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Notes the CPU time from here to the end of the block, if it is the slowest so far.
class Timed {
 public:
  Timed(const char* what, Explored* explored) : what_(what), explored_(explored), begin_(thread_cpu_ns()) {}
  ~Timed() {
    const int64_t took = thread_cpu_ns() - begin_;
    if (took <= explored_->slowest_ns) return;
    explored_->slowest_ns = took;
    explored_->slowest = what_;
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  const char* what_;
  Explored* explored_;
  int64_t begin_;
};

template <class Call>
auto in_time(const char* what, Explored* explored, Call call) {
  const Timed timed(what, explored);
  return call();
}

void wrong(Explored* explored, const std::string& what) {
  if (explored->wrong.empty()) explored->wrong = what;
}

// Every byte that is handed out can be touched.
uint64_t sum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (const std::byte b : bytes) sum += static_cast<uint64_t>(b);
  return sum;
}

void refused(const Status& status, Explored* explored) {
  if (status.message().empty()) wrong(explored, "an error without a sentence");
}

void read_topic(const SegmentView& segment, const TopicView& topic, Explored* explored) {
  ++explored->topics;
  if (!check_topic_name(topic.name).ok()) wrong(explored, "a topic name that no topic can have");
  Result<Schema> schema = segment.schema(topic);
  if (!schema.ok()) {
    refused(schema.status(), explored);
  } else if (!schema->check().ok()) {
    wrong(explored, "a schema that its own check refuses");
  }
  segment.origin(topic);
  for (const bool dead : {false, true}) state_name(segment.state(topic, dead, boottime_ns()));
}

void read_segment(const Domain& domain, std::set<std::string>* names, Explored* explored) {
  auto segment = in_time("SegmentView::open", explored, [&] { return SegmentView::open(domain, kVictim); });
  if (!segment.ok()) return refused(segment.status(), explored);
  ++explored->segments;
  const SegmentView& s = **segment;
  s.owner_alive();
  std::vector<uint64_t> seen;
  std::vector<uint32_t> changed;
  for (int i = 0; i < 2; ++i) s.scan(&seen, &changed);
  const uint32_t limit = s.topic_limit();
  if (seen.size() != limit || changed.size() > limit) wrong(explored, "a scan of more topics than there are");
  for (uint32_t i = 0; i < limit; ++i) {
    if (i >= kTopicsRead && s.generation(i) % 2 == 0) continue;
    bool damaged = false;
    const std::optional<TopicView> topic = s.topic(i, &damaged);
    if (!topic) continue;
    if (damaged) wrong(explored, "a topic both believed and damaged");
    if (names->size() >= kTopicsRead) continue;
    read_topic(s, *topic, explored);
    names->insert(topic->name);
  }
}

}  // namespace

void read_on(Reader* reader, Explored* explored) {
  const Timed timed("reading", explored);
  const auto take = [&](const Sample* sample) {
    if (sample == nullptr) return false;
    ++explored->samples;
    sum(sample->bytes);
    return true;
  };
  take(reader->latest());
  for (int i = 0; i < 6 && take(reader->next()); ++i) {
  }
  take(reader->latest_fresh());
  if (std::optional<Borrowed> borrowed = reader->borrow()) {
    sum(borrowed->bytes());
    borrowed->valid();
  }
  double value;
  SampleHead head;
  reader->latest_into(&value, sizeof value, &head);
  reader->freshness();
  reader->schema();
  reader->wait(std::chrono::nanoseconds(0));
}

void read_all(const std::string& root, Explored* explored) {
  Result<Domain> domain = Domain::open({.root = root, .domain = "d", .create = false});
  if (!domain.ok()) return wrong(explored, domain.status().message());
  const Result<DomainListing> listing =
      in_time("list_topics", explored, [&] { return list_topics(*domain); });
  if (!listing.ok()) refused(listing.status(), explored);
  read_open(*domain, explored);
}

void read_open(const Domain& domain, Explored* explored) {
  std::set<std::string> names = {"a"};
  read_segment(domain, &names, explored);
  for (const std::string& name : names) {
    auto reader = in_time("Reader::open", explored, [&] { return Reader::open(domain, name); });
    if (!reader.ok()) {
      wrong(explored, reader.status().message());
      continue;
    }
    if (Status s = reader->refresh(); !s.ok()) refused(s, explored);
    read_on(&*reader, explored);
  }
}

void adopt_and_publish(const std::string& root, Explored* explored) {
  Result<Domain> domain = Domain::open({.root = root, .domain = "d", .create = false});
  if (!domain.ok()) return wrong(explored, domain.status().message());
  auto node = in_time("Node::open", explored, [&] { return Node::open(*domain, {.name = kVictim}); });
  if (!node.ok()) return wrong(explored, "no new owner: " + node.status().message());
  if ((*node)->birth().adopted) ++explored->adopted;
  const auto publish = [&](const std::string& topic, size_t bytes) {
    Result<Publisher> publisher = (*node)->advertise({.name = topic, .max_bytes = bytes});
    if (!publisher.ok()) return refused(publisher.status(), explored);
    const std::string value(bytes, 'v');
    for (int i = 0; i < 3; ++i) {
      if (Status s = publisher->publish(std::as_bytes(std::span(value))); !s.ok())
        return refused(s, explored);
    }
    // What an owner publishes is read, whatever it found in its segment.
    Result<Reader> reader = Reader::open(*domain, topic);
    const Sample* sample = reader.ok() ? reader->latest() : nullptr;
    if (sample == nullptr || sample->bytes.size() != bytes || sample->bytes[0] != std::byte{'v'}) {
      wrong(explored, "a successor's sample that is not read");
    }
  };
  publish("a", 8);
  publish("new", 100);
  publish("a", 300);
  if (Status s = (*node)->remove("a"); !s.ok()) wrong(explored, s.message());
}

}  // namespace smt
