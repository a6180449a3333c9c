// smttopic hz and bw beside a writer of a known rate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shm/segment_view.h"
#include "shm/topic.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

class Measure : public ToolTest {
 protected:
  struct Seen {
    std::vector<double> figures;  // of each second, rising
    uint64_t rings = 0;           // times that the writer was asked to wake somebody
  };
  // Publishes at 1 kHz until the tool has ended, and makes up for what the scheduler took.
  Seen beside(const std::vector<std::string>& args, const std::string& key) {
    auto node = Node::open(domain(), {.name = "w"});
    auto topic = Topic<double>::advertise(**node, {.name = "x", .history = 64});
    auto segment = SegmentView::open(domain(), "w");
    EXPECT_TRUE(topic.ok() && segment.ok());
    Seen seen;
    Process tool(args, env());
    timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (int i = 0; !tool.ended() && i < kDeadlineMs; ++i) {
      seen.rings += (*segment)->bell()->load(std::memory_order_relaxed) != 0;
      EXPECT_TRUE(topic->publish(i).ok());
      next.tv_nsec += 1'000'000;
      if (next.tv_nsec >= 1'000'000'000) next.tv_nsec -= 1'000'000'000, ++next.tv_sec;
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    }
    const Ended ended = tool.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    for (size_t begin = 0, end; begin < ended.out.size() && !key.empty(); begin = end + 1) {
      end = ended.out.find('\n', begin);
      seen.figures.push_back(nlohmann::json::parse(ended.out.substr(begin, end - begin))[key].get<double>());
    }
    std::sort(seen.figures.begin(), seen.figures.end());
    return seen;
  }
};

TEST_F(Measure, HzTellsAKilohertzToOneHertzAndTheWriterDoesNotNotice) {
  const Seen seen = beside({"smttopic", "hz", "x", "-f", "jsonl", "-n", "5"}, "hz");
  ASSERT_EQ(seen.figures.size(), 5u);
  EXPECT_NEAR(seen.figures[2], 1000, 1)
      << "the middle one: a test that was not scheduled in time spoils others";
  EXPECT_EQ(seen.rings, 0u);
}

TEST_F(Measure, BwTellsItsBytesAndTheWriterDoesNotNotice) {
  const Seen seen = beside({"smttopic", "bw", "x", "-f", "jsonl", "-n", "3"}, "bytes_per_s");
  ASSERT_EQ(seen.figures.size(), 3u);
  EXPECT_NEAR(seen.figures[1], 8000, 16);
  EXPECT_EQ(seen.rings, 0u);
}

TEST_F(Measure, WhoSleepsUntilASampleComesIsNoticed) {
  EXPECT_GT(beside({"smttopic", "echo", "x", "--filter", "value < 0", "--duration", "1s"}, "").rings, 0u)
      << "what the others are told from";
}

}  // namespace
}  // namespace smt::tools
