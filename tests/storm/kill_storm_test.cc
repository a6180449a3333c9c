// Writers that publish without pause are killed at random moments and restarted on the same node name.
// Readers check that each value is the one of its sequence, and that the sequence never steps back.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <memory>

#include "shm/node.h"
#include "shm/reader.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

constexpr uint64_t kSmallWords = 8;     // 64 B
constexpr uint64_t kLargeWords = 8192;  // 64 KiB

void fill_words(uint64_t* words, uint64_t count, uint64_t sequence) {
  const uint64_t first = sequence * 0x9E3779B97F4A7C15;
  for (uint64_t i = 0; i < count; ++i) words[i] = first + i;
}

bool is_value_of(const Sample& sample, uint64_t words) {
  if (sample.bytes.size() != words * 8) return false;
  const uint64_t first = sample.sequence * 0x9E3779B97F4A7C15;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < words; ++i) {
    uint64_t word;
    memcpy(&word, sample.bytes.data() + 8 * i, sizeof word);
    wrong |= word ^ (first + i);
  }
  return wrong == 0;
}

// Mode "writer" ROOT NODE
int writer(const Args& args) {
  const Domain domain = open_domain(args[0]);
  auto node = must(Node::open(domain, {.name = args[1]}));
  const auto advertise = [&](const char* topic, uint64_t words) {
    TopicOptions options;
    options.name = args[1] + "/" + topic;
    options.schema = Schema::scalar(Type::kU64, static_cast<uint32_t>(words));
    return must(node->advertise(options));
  };
  Publisher small = advertise("small", kSmallWords);
  Publisher large = advertise("large", kLargeWords);
  (void)!nice(10);  // reads are what is counted
  static uint64_t value[kLargeWords];
  const auto publish = [&](Publisher& publisher, uint64_t words) {
    fill_words(value, words, publisher.position() + 1);
    must(publisher.publish(std::as_bytes(std::span(value, words))));
  };
  for (;;) {
    for (int i = 0; i < 16; ++i) publish(small, kSmallWords);
    publish(large, kLargeWords);
  }
}

// Reads one topic by latest() and by next(), and counts what may not happen.
class Checker {
 public:
  struct Counts {
    uint64_t reads = 0, torn = 0, back = 0, gaps = 0;
    uint64_t missed = 0, retries = 0, reopened = 0;
  };

  Checker(const Domain& domain, const std::string& topic, uint64_t words)
      : latest_(must(Reader::open(domain, topic))), next_(must(Reader::open(domain, topic))), words_(words) {}

  bool find() { return latest_.refresh().ok() && next_.refresh().ok() && latest_.latest() != nullptr; }

  void read(Counts* counts) {
    if (const Sample* sample = latest_.latest()) {
      counts->reads += 1;
      counts->torn += !is_value_of(*sample, words_);
      counts->back += sample->sequence < last_latest_;
      last_latest_ = sample->sequence;
    }
    if (const Sample* sample = next_.next()) {
      counts->reads += 1;
      counts->torn += !is_value_of(*sample, words_);
      counts->back += sample->sequence <= last_next_;
      counts->gaps += sample->sequence != last_next_ + sample->missed + 1;
      last_next_ = sample->sequence;
    }
  }

  uint64_t newest() const { return last_latest_; }

  void add_totals(Counts* counts) const {
    counts->missed += next_.missed();
    counts->retries += latest_.retries() + next_.retries();
    counts->reopened += latest_.reopened() + next_.reopened();
  }

 private:
  Reader latest_, next_;
  uint64_t words_;
  uint64_t last_latest_ = 0, last_next_ = 0;
};

// One writer process after the other on one node name, and the readers of its topics.
struct Victim {
  std::string node;
  Child writer;
  std::unique_ptr<Checker> small, large;
  std::shared_ptr<SegmentView> segment;
  uint64_t half_written = 0;
  uint64_t adoptions_with_half_written = 0;
  bool publishes = false;  // the writer of now has been seen publishing
  uint64_t small_at_start = 0;

  void count_adoption() {
    const uint64_t now = segment->half_written();
    adoptions_with_half_written += now > half_written;
    half_written = now;
  }
};

uint64_t inode(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

TEST(KillStorm, NoValueIsTornAndNoSequenceStepsBackHoweverWritersDie) {
  const uint64_t kills = scaled(60, 10'000);
  const uint64_t reads = scaled(300'000, 1'000'000'000);
  const uint64_t max_life_ns = sized(8'000'000, 2'000'000);
  TempRoot root;
  const Domain domain = root.open();
  std::array<Victim, 2> victims;
  std::array<uint64_t, 2> inodes;
  for (size_t i = 0; i < victims.size(); ++i) {
    Victim& v = victims[i];
    v.node = i == 0 ? "alpha" : "beta";
    // Before the first sample: what a reader misses counts from its opening.
    v.small = std::make_unique<Checker>(domain, v.node + "/small", kSmallWords);
    v.large = std::make_unique<Checker>(domain, v.node + "/large", kLargeWords);
    v.writer = Child::spawn("writer", {root.path(), v.node});
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return v.small->find() && v.large->find(); })) << v.node;
    v.segment = must(SegmentView::open(domain, v.node));
    inodes[i] = inode(root.path() + "/default/" + v.node);
    ASSERT_NE(inodes[i], 0u);
  }

  Checker::Counts counts;
  const auto read = [&] {
    for (Victim& v : victims) {
      for (int i = 0; i < 1024; ++i) v.small->read(&counts);
      v.large->read(&counts);
      v.publishes = v.publishes || v.small->newest() > v.small_at_start;
    }
  };
  for (uint64_t kill = 0; kill < kills || counts.reads < reads; ++kill) {
    Victim& v = victims[random_below(victims.size())];
    // Most die while they publish; one in four at any moment from its start on, the adoption included.
    const int64_t deadline = boottime_ns() + 30'000'000'000;
    if (random_below(4) != 0) {
      while (!v.publishes && boottime_ns() < deadline) read();
      ASSERT_TRUE(v.publishes) << v.node << " does not publish again after kill " << kill;
    }
    const int64_t until = boottime_ns() + static_cast<int64_t>(random_below(max_life_ns));
    while (boottime_ns() < until) read();
    v.count_adoption();
    v.writer.kill();
    while (counts.reads < reads * (kill + 1) / kills && kill < kills) read();
    v.small_at_start = v.small->newest();
    v.publishes = false;
    v.writer = Child::spawn("writer", {root.path(), v.node});
  }

  uint64_t adoptions = 0, with_half_written = 0;
  for (size_t i = 0; i < victims.size(); ++i) {
    Victim& v = victims[i];
    v.count_adoption();
    v.writer.kill();
    {
      auto node = must(Node::open(domain, {.name = v.node}));
      EXPECT_TRUE(node->birth().adopted) << node->birth().replaced_why;
      adoptions += node->birth().epoch - 1;
    }
    v.count_adoption();
    with_half_written += v.adoptions_with_half_written;
    v.small->add_totals(&counts);
    v.large->add_totals(&counts);
    EXPECT_EQ(inode(root.path() + "/default/" + v.node), inodes[i]) << v.node << " has another segment";
  }
  print_figures(
      "kill_storm: kills {} reads {} torn {} steps back {} gaps not counted {} reopened {} adoptions {} "
      "with a half-written slot {} (missed {}, retries {})",
      kills, counts.reads, counts.torn, counts.back, counts.gaps, counts.reopened, adoptions,
      with_half_written, counts.missed, counts.retries);
  print_row(Row{.id = "L1",
                .what = "reads: torn, steps back, gaps not counted",
                .n = counts.reads,
                .violations = counts.torn + counts.back + counts.gaps,
                .seed = seed_of_run()});
  print_row(Row{.id = "L1", .what = "kills meanwhile", .n = kills, .violations = counts.reopened});
  EXPECT_GE(counts.reads, reads);
  EXPECT_EQ(counts.torn, 0u);
  EXPECT_EQ(counts.back, 0u);
  EXPECT_EQ(counts.gaps, 0u);
  EXPECT_EQ(counts.reopened, 0u);
  EXPECT_GT(with_half_written, kills / 20) << "the kills do not hit what they should";
  EXPECT_EQ(root.files(), (std::vector<std::string>{"alpha", "alpha.bell", "beta", "beta.bell"}));
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"writer", writer}};

}  // namespace smt::storm
