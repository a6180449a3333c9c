// One program, built by several compilers for several word sizes, that publishes and reads the same topics.
// usage: shared_layout write ROOT NODE [SEGMENT_BYTES]    until the end of standard input
//        shared_layout read ROOT NODE
//        shared_layout refuse ROOT NODE                   the segment must be too large for this program
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "shm/describe.h"
#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/topic.h"

namespace {

using namespace smt;

struct Pose {
  uint64_t count;
  double x[3];
  float heading;
  uint8_t mode;
};
SMT_FIELDS(Pose, count, x, heading, mode)

constexpr size_t kTextBytes = 10'000;

void expect(bool good, const char* what) {
  if (good) return;
  fprintf(stderr, "shared_layout: %s\n", what);
  exit(1);
}

void must(const Status& status) { expect(status.ok(), status.message().c_str()); }
template <class T>
T must(Result<T> result) {
  if (!result.ok()) must(result.status());
  return std::move(*result);
}

std::span<const std::byte> bytes_of(const void* data, size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

void write_domain(const Domain& domain, const std::string& name, uint64_t segment_bytes) {
  auto node = must(Node::open(domain, {.name = name, .segment_bytes = segment_bytes}));
  expect(!node->birth().replaced, "the segment of another build is not adopted");
  Publisher number =
      must(node->advertise({.name = "number", .schema = Schema::scalar(Type::kF64), .history = 8}));
  Publisher text = must(node->advertise({.name = "text", .schema = Schema::string(), .max_bytes = 16}));
  auto pose = must(Topic<Pose>::advertise(*node, {.name = "pose"}));
  const auto publish = [&] {
    const double value = 1.5 * static_cast<double>(number.position() + 1);
    must(number.publish(bytes_of(&value, sizeof value)));
  };
  for (int i = 0; i < 20; ++i) publish();
  must(text.publish(bytes_of("short", 5)));
  const std::string longer(kTextBytes, 'x');  // the ring moves
  must(text.publish(bytes_of(longer.data(), longer.size())));
  must(pose.publish({uint64_t{1} << 40, {1, -2, 0.1}, 0.25f, 7}));
  printf("ready\n");
  fflush(stdout);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 10) == 0) publish();
}

void read_domain(const Domain& domain) {
  Reader number = must(Reader::open(domain, "number"));
  expect(number.state() == State::kFresh, "the topic is not fresh");
  for (int i = 0; i < 12; ++i) {
    while (const Sample* sample = number.next()) {
      double value;
      expect(sample->bytes.size() == sizeof value, "a sample of another size");
      memcpy(&value, sample->bytes.data(), sizeof value);
      expect(value == 1.5 * static_cast<double>(sample->sequence), "a sample of another value");
      expect(sample->born_ns <= boottime_ns() && sample->born_ns > boottime_ns() - 60'000'000'000,
             "a sample of another time");
    }
    expect(number.wait(std::chrono::seconds(5)) == Woke::kSample, "not woken");
  }
  Reader text = must(Reader::open(domain, "text"));
  const Sample* sample = text.latest();
  expect(sample != nullptr && sample->bytes.size() == kTextBytes &&
             sample->bytes[kTextBytes - 1] == std::byte{'x'},
         "another text");
  auto reader = must(TopicReader<Pose>::open(domain, "pose"));
  const auto pose = reader.latest();
  expect(pose && pose->count == uint64_t{1} << 40 && pose->x[2] == 0.1 && pose->heading == 0.25f &&
             pose->mode == 7,
         "another pose");
  const DomainListing listing = must(list_topics(domain));
  expect(listing.problems.empty() && listing.topics.size() == 3, "not three topics without a problem");
}

void refuse(const Domain& domain) {
  const DomainListing listing = must(list_topics(domain));
  expect(listing.topics.empty() && listing.problems.size() == 1, "not one problem and no topic");
  expect(listing.problems[0].find("32-bit") != std::string::npos, listing.problems[0].c_str());
}

}  // namespace

int main(int argc, char** argv) {
  expect(argc >= 4, "write|read|refuse ROOT NODE [SEGMENT_BYTES]");
  const std::string verb = argv[1];
  const Domain domain = must(Domain::open({.root = argv[2]}));
  if (verb == "write") write_domain(domain, argv[3], argc > 4 ? strtoull(argv[4], nullptr, 10) : 0);
  if (verb == "read") read_domain(domain);
  if (verb == "refuse") refuse(domain);
}
