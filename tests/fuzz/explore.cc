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

int64_t ThreadCpuNs() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// Notes the CPU time from here to the end of the block, if it is the slowest so far.
class Timed {
 public:
  Timed(const char* what, Explored* explored) : what_(what), explored_(explored), begin_(ThreadCpuNs()) {}
  ~Timed() {
    const int64_t took = ThreadCpuNs() - begin_;
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
auto InTime(const char* what, Explored* explored, Call call) {
  const Timed timed(what, explored);
  return call();
}

void Wrong(Explored* explored, const std::string& what) {
  if (explored->wrong.empty()) explored->wrong = what;
}

// Every byte that is handed out can be touched.
uint64_t Sum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (const std::byte b : bytes) sum += static_cast<uint64_t>(b);
  return sum;
}

void Refused(const Status& status, Explored* explored) {
  if (status.message().empty()) Wrong(explored, "an error without a sentence");
}

void ReadTopic(const SegmentView& segment, const TopicView& topic, Explored* explored) {
  ++explored->topics;
  if (!CheckTopicName(topic.name).ok()) Wrong(explored, "a topic name that no topic can have");
  Result<Schema> schema = segment.schema(topic);
  if (!schema.ok()) {
    Refused(schema.status(), explored);
  } else if (!schema->check().ok()) {
    Wrong(explored, "a schema that its own check refuses");
  }
  segment.origin(topic);
  for (const bool dead : {false, true}) StateName(segment.state(topic, dead, BoottimeNs()));
}

void ReadSegment(const Domain& domain, std::set<std::string>* names, Explored* explored) {
  auto segment = InTime("SegmentView::open", explored, [&] { return SegmentView::open(domain, kVictim); });
  if (!segment.ok()) return Refused(segment.status(), explored);
  ++explored->segments;
  const SegmentView& s = **segment;
  s.owner_alive();
  std::vector<uint64_t> seen;
  std::vector<uint32_t> changed;
  for (int i = 0; i < 2; ++i) s.scan(&seen, &changed);
  const uint32_t limit = s.topic_limit();
  if (seen.size() != limit || changed.size() > limit) Wrong(explored, "a scan of more topics than there are");
  for (uint32_t i = 0; i < limit; ++i) {
    if (i >= kTopicsRead && s.generation(i) % 2 == 0) continue;
    bool damaged = false;
    const std::optional<TopicView> topic = s.topic(i, &damaged);
    if (!topic) continue;
    if (damaged) Wrong(explored, "a topic both believed and damaged");
    if (names->size() >= kTopicsRead) continue;
    ReadTopic(s, *topic, explored);
    names->insert(topic->name);
  }
}

}  // namespace

void ReadOn(Reader* reader, Explored* explored) {
  const Timed timed("reading", explored);
  const auto take = [&](const Sample* sample) {
    if (sample == nullptr) return false;
    ++explored->samples;
    Sum(sample->bytes);
    return true;
  };
  take(reader->latest());
  for (int i = 0; i < 6 && take(reader->next()); ++i) {
  }
  take(reader->latest_fresh());
  if (std::optional<Borrowed> borrowed = reader->borrow()) {
    Sum(borrowed->bytes());
    borrowed->valid();
  }
  double value;
  SampleHead head;
  reader->latest_into(&value, sizeof value, &head);
  reader->freshness();
  reader->schema();
  reader->wait(std::chrono::nanoseconds(0));
}

void ReadAll(const std::string& root, Explored* explored) {
  Result<Domain> domain = Domain::open({.root = root, .domain = "d", .create = false});
  if (!domain.ok()) return Wrong(explored, domain.status().message());
  const Result<DomainListing> listing = InTime("ListTopics", explored, [&] { return ListTopics(*domain); });
  if (!listing.ok()) Refused(listing.status(), explored);
  ReadOpen(*domain, explored);
}

void ReadOpen(const Domain& domain, Explored* explored) {
  std::set<std::string> names = {"a"};
  ReadSegment(domain, &names, explored);
  for (const std::string& name : names) {
    auto reader = InTime("Reader::open", explored, [&] { return Reader::open(domain, name); });
    if (!reader.ok()) {
      Wrong(explored, reader.status().message());
      continue;
    }
    if (Status s = reader->refresh(); !s.ok()) Refused(s, explored);
    ReadOn(&*reader, explored);
  }
}

void AdoptAndPublish(const std::string& root, Explored* explored) {
  Result<Domain> domain = Domain::open({.root = root, .domain = "d", .create = false});
  if (!domain.ok()) return Wrong(explored, domain.status().message());
  auto node = InTime("Node::open", explored, [&] { return Node::open(*domain, {.name = kVictim}); });
  if (!node.ok()) return Wrong(explored, "no new owner: " + node.status().message());
  if ((*node)->birth().adopted) ++explored->adopted;
  const auto publish = [&](const std::string& topic, size_t bytes) {
    Result<Publisher> publisher = (*node)->advertise({.name = topic, .max_bytes = bytes});
    if (!publisher.ok()) return Refused(publisher.status(), explored);
    const std::string value(bytes, 'v');
    for (int i = 0; i < 3; ++i) {
      if (Status s = publisher->publish(std::as_bytes(std::span(value))); !s.ok())
        return Refused(s, explored);
    }
    // What an owner publishes is read, whatever it found in its segment.
    Result<Reader> reader = Reader::open(*domain, topic);
    const Sample* sample = reader.ok() ? reader->latest() : nullptr;
    if (sample == nullptr || sample->bytes.size() != bytes || sample->bytes[0] != std::byte{'v'}) {
      Wrong(explored, "a successor's sample that is not read");
    }
  };
  publish("a", 8);
  publish("new", 100);
  publish("a", 300);
  if (Status s = (*node)->remove("a"); !s.ok()) Wrong(explored, s.message());
}

}  // namespace smt
