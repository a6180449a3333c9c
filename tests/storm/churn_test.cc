// Topics come and go, nodes come and go, processes die in between: no file, descriptor, map or byte is left
// over.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "shm/node.h"
#include "shm/reader.h"
#include "shm/segment_view.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatch = 10;
constexpr uint64_t kSizes[kBatch] = {1, 8, 64, 100, 1'000, 4'096, 20'000, 65'536, 300'000, 1'000'000};

size_t open_descriptors() {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

// Maps of the domain's files in this process.
size_t maps_of(const std::string& root) {
  std::ifstream maps("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(root) != line.npos;
  return count;
}

TopicOptions topic_of(const std::string& name, uint64_t bytes) {
  TopicOptions options;
  options.name = name;
  options.max_bytes = bytes;
  // Every third one has a schema of its own, which is stored in the segment too.
  if (bytes % 3 == 0) {
    options.schema = Schema::scalar(Type::kU8, static_cast<uint32_t>(bytes));
    options.schema.type_name = "churn-" + std::to_string(bytes);
  }
  return options;
}

// Advertises a batch of topics of all sizes under new names, publishes each, grows one, removes all, each in
// a random order. Each batch needs the same memory, and after it the node has as many topics as before.
void cycle(Node& node, Publisher& resident, uint64_t* number) {
  uint64_t sizes[kBatch];
  std::copy(std::begin(kSizes), std::end(kSizes), sizes);
  std::shuffle(std::begin(sizes), std::end(sizes), random_engine());
  static const std::vector<std::byte> value(2'000'000, std::byte{1});
  std::vector<std::string> names;
  for (const uint64_t bytes : sizes) {
    names.push_back(fmt::format("churn/{:08}/{}", (*number)++, std::string(bytes % 97 + 1, 'x')));
    Publisher publisher = must(node.advertise(topic_of(names.back(), bytes)));
    must(publisher.publish(std::span(value).first(bytes)));
  }
  {
    const std::string name = "churn/growing";
    Publisher publisher = must(node.advertise(topic_of(name, 64)));
    must(publisher.publish(std::span(value).first(64)));
    must(publisher.publish(std::span(value).first(2'000'000)));
    names.push_back(name);
  }
  std::shuffle(names.begin(), names.end(), random_engine());
  for (const std::string& name : names) {
    must(node.remove(name));
    for (int i = 0; i < 500; ++i) must(resident.publish(std::span(value).first(64)));
  }
}

TEST(Churn, TopicsThatComeAndGoLeaveNothing) {
  const uint64_t cycles = scaled(2'000, 100'000);
  TempRoot root;
  const Domain domain = root.open();
  auto node = must(Node::open(domain, {.name = "churn"}));
  Publisher resident = must(node->advertise(topic_of("resident", 64)));
  const std::vector<std::byte> value(64, std::byte{1});
  must(resident.publish(value));
  Reader reader = must(Reader::open(domain, "resident"));

  uint64_t number = 0;
  cycle(*node, resident, &number);
  must(reader.refresh());
  const uint64_t bytes = root.bytes();
  const size_t files = root.files().size(), descriptors = open_descriptors(), maps = maps_of(root.path());
  while (number < cycles) {
    cycle(*node, resident, &number);
    if (number % 1'000 == 0) must(reader.refresh());
  }
  print_figures(
      "churn: {} topics advertised and removed; files {} -> {}, descriptors {} -> {}, maps {} -> {}, KiB {} "
      "-> {}",
      number, files, root.files().size(), descriptors, open_descriptors(), maps, maps_of(root.path()),
      bytes / 1024, root.bytes() / 1024);
  print_row(Row{.id = "L4",
                .what = "topics created and removed, leaks",
                .n = number,
                .violations = static_cast<uint64_t>((root.files().size() != files) +
                                                    (open_descriptors() != descriptors) +
                                                    (maps_of(root.path()) != maps) + (root.bytes() != bytes)),
                .seed = seed_of_run()});
  EXPECT_EQ(root.files().size(), files);
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(maps_of(root.path()), maps);
  EXPECT_EQ(root.bytes(), bytes);
  EXPECT_EQ(node->topic_count(), 1u);
  const Sample* sample = reader.latest();
  ASSERT_NE(sample, nullptr);
  EXPECT_TRUE(std::equal(sample->bytes.begin(), sample->bytes.end(), value.begin(), value.end()));
}

// Removes what a dead predecessor left in the node's segment, but for its resident.
void remove_all_topics(const Domain& domain, Node& node) {
  const auto segment = must(SegmentView::open(domain, node.name()));
  std::vector<std::string> names;
  for (uint32_t i = 0; i < segment->topic_limit(); ++i) {
    if (const auto topic = segment->topic(i); topic && topic->name != "resident")
      names.push_back(topic->name);
  }
  for (const std::string& name : names) must(node.remove(name));
}

// Mode "churner" ROOT ROUNDS: node "churn" cycles, node "brief" is born and unlinked; ROUNDS 0: without end.
int churner(const Args& args) {
  const Domain domain = open_domain(args[0]);
  const uint64_t rounds = std::stoull(args[1]);
  auto node = must(Node::open(domain, {.name = "churn"}));
  Publisher resident = must(node->advertise(topic_of("resident", 64)));
  remove_all_topics(domain, *node);
  uint64_t number = 0;
  for (uint64_t round = 0; rounds == 0 || round < rounds; ++round) {
    auto brief =
        must(Node::open(domain, {.name = "brief", .segment_bytes = 1 << 20, .remove_on_exit = true}));
    cycle(*node, resident, &number);
  }
  return 0;
}

TEST(Churn, ProcessesThatDieInBetweenLeaveNothing) {
  const uint64_t crashes = scaled(50, 1'000);
  TempRoot root;
  const Domain domain = root.open();
  ASSERT_EQ(Child::spawn("churner", {root.path(), "1"}).wait(), 0);
  const uint64_t bytes = root.bytes();
  const std::vector<std::string> files = root.files();
  EXPECT_EQ(files, (std::vector<std::string>{"churn", "churn.bell"}));
  Reader reader = must(Reader::open(domain, "churn/growing"));
  const size_t descriptors = open_descriptors(), maps = maps_of(root.path());
  for (uint64_t crash = 0; crash < crashes; ++crash) {
    Child churner = Child::spawn("churner", {root.path(), "0"});
    // From its birth up to several cycles later; meanwhile a reader follows.
    const int64_t end = boottime_ns() + patience_factor() * static_cast<int64_t>(random_below(12'000'000));
    while (boottime_ns() < end) {
      const Status found = reader.refresh();
      ASSERT_TRUE(found.ok() || found.code() == Code::kNotFound) << found.message();
      if (const Sample* sample = reader.latest(); sample != nullptr && !sample->bytes.empty()) {
        ASSERT_EQ(sample->bytes.front(), std::byte{1});
        ASSERT_EQ(sample->bytes.back(), std::byte{1});
      }
    }
    churner.kill();
  }
  ASSERT_EQ(Child::spawn("churner", {root.path(), "1"}).wait(), 0) << "no successor after the crashes";
  const Status gone = reader.refresh();
  EXPECT_EQ(gone.code(), Code::kNotFound) << gone.message();
  Reader old_values = must(Reader::open(domain, "resident"));
  const Sample* sample = old_values.latest();
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->bytes.size(), 64u);
  print_figures("churn: {} crashes; files {} -> {}, descriptors {} -> {}, maps {} -> {}, KiB {} -> {}",
                crashes, files.size(), root.files().size(), descriptors, open_descriptors(), maps,
                maps_of(root.path()), bytes / 1024, root.bytes() / 1024);
  print_row(
      Row{.id = "L4",
          .what = "crashes in between, leaks",
          .n = crashes,
          .violations = static_cast<uint64_t>((root.files() != files) + (open_descriptors() > descriptors) +
                                              (maps_of(root.path()) > maps) + (root.bytes() != bytes)),
          .seed = seed_of_run()});
  EXPECT_EQ(root.files(), files);
  EXPECT_LE(open_descriptors(), descriptors);
  EXPECT_LE(maps_of(root.path()), maps);
  EXPECT_EQ(root.bytes(), bytes);
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"churner", churner}};

}  // namespace smt::storm
