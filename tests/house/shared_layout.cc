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

void Expect(bool good, const char* what) {
  if (good) return;
  fprintf(stderr, "shared_layout: %s\n", what);
  exit(1);
}

void Must(const Status& status) { Expect(status.ok(), status.message().c_str()); }
template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Must(result.status());
  return std::move(*result);
}

std::span<const std::byte> BytesOf(const void* data, size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

void Write(const Domain& domain, const std::string& name, uint64_t segment_bytes) {
  auto node = Must(Node::open(domain, {.name = name, .segment_bytes = segment_bytes}));
  Expect(!node->birth().replaced, "the segment of another build is not adopted");
  Publisher number =
      Must(node->advertise({.name = "number", .schema = Schema::Scalar(Type::kF64), .history = 8}));
  Publisher text = Must(node->advertise({.name = "text", .schema = Schema::String(), .max_bytes = 16}));
  auto pose = Must(Topic<Pose>::advertise(*node, {.name = "pose"}));
  const auto publish = [&] {
    const double value = 1.5 * static_cast<double>(number.position() + 1);
    Must(number.publish(BytesOf(&value, sizeof value)));
  };
  for (int i = 0; i < 20; ++i) publish();
  Must(text.publish(BytesOf("short", 5)));
  const std::string longer(kTextBytes, 'x');  // the ring moves
  Must(text.publish(BytesOf(longer.data(), longer.size())));
  Must(pose.publish({uint64_t{1} << 40, {1, -2, 0.1}, 0.25f, 7}));
  printf("ready\n");
  fflush(stdout);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 10) == 0) publish();
}

void Read(const Domain& domain) {
  Reader number = Must(Reader::open(domain, "number"));
  Expect(number.state() == State::kFresh, "the topic is not fresh");
  for (int i = 0; i < 12; ++i) {
    while (const Sample* sample = number.next()) {
      double value;
      Expect(sample->bytes.size() == sizeof value, "a sample of another size");
      memcpy(&value, sample->bytes.data(), sizeof value);
      Expect(value == 1.5 * static_cast<double>(sample->sequence), "a sample of another value");
      Expect(sample->born_ns <= BoottimeNs() && sample->born_ns > BoottimeNs() - 60'000'000'000,
             "a sample of another time");
    }
    Expect(number.wait(std::chrono::seconds(5)) == Woke::kSample, "not woken");
  }
  Reader text = Must(Reader::open(domain, "text"));
  const Sample* sample = text.latest();
  Expect(sample != nullptr && sample->bytes.size() == kTextBytes &&
             sample->bytes[kTextBytes - 1] == std::byte{'x'},
         "another text");
  auto reader = Must(TopicReader<Pose>::open(domain, "pose"));
  const auto pose = reader.latest();
  Expect(pose && pose->count == uint64_t{1} << 40 && pose->x[2] == 0.1 && pose->heading == 0.25f &&
             pose->mode == 7,
         "another pose");
  const DomainListing listing = Must(ListTopics(domain));
  Expect(listing.problems.empty() && listing.topics.size() == 3, "not three topics without a problem");
}

void Refuse(const Domain& domain) {
  const DomainListing listing = Must(ListTopics(domain));
  Expect(listing.topics.empty() && listing.problems.size() == 1, "not one problem and no topic");
  Expect(listing.problems[0].find("32-bit") != std::string::npos, listing.problems[0].c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Expect(argc >= 4, "write|read|refuse ROOT NODE [SEGMENT_BYTES]");
  const std::string verb = argv[1];
  const Domain domain = Must(Domain::open({.root = argv[2]}));
  if (verb == "write") Write(domain, argv[3], argc > 4 ? strtoull(argv[4], nullptr, 10) : 0);
  if (verb == "read") Read(domain);
  if (verb == "refuse") Refuse(domain);
}
