// A gateway without any shared memory holds the last value of everything: whoever comes after the robot is
// gone has it at once, with its true age.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "shm/clock.h"
#include "shm/list.h"
#include "shm/topic.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

constexpr size_t kTopics = 200;
std::string name(size_t i) { return "t/" + std::to_string(i); }

class RelayCache : public HostsTest {};

TEST_F(RelayCache, ALateJoinerHasEveryValueAtOnceWithItsTrueAge) {
  SMT_NEED_NAMESPACES();
  if (!may_hide_shm()) GTEST_SKIP() << "below a chroot no program can be started without /dev/shm";
  hide_shm_from_proxy_ = true;
  proxy_flags_ = {"--cache", "**"};
  start_proxy();
  const std::string seen = "/proc/" + std::to_string(proxy_->pid()) + "/root/dev/shm";
  ASSERT_TRUE(std::filesystem::is_empty(seen)) << "the gateway sees shared memory";
  start_pub();
  {
    auto node = storm::must(Node::open(in("robot"), {.name = "source"}));
    std::vector<Topic<int64_t>> topics;
    for (size_t i = 0; i < kTopics; ++i) {
      topics.push_back(storm::must(Topic<int64_t>::advertise(*node, {.name = name(i)})));
    }
    // Each value is the time of its publication, and they are not of one time.
    for (size_t i = 0; i < kTopics; ++i) {
      storm::must(topics[i].publish(boottime_ns()));
      if (i % 50 == 49) storm::elapse(milliseconds(100));
    }
    ASSERT_TRUE(await(milliseconds(10'000), [&] {
      const tools::Ended list = hosts_
                                    .start(Host::kBase,
                                           {"smtrelay_client", "--connect", hosts_.gate(Host::kBase), "get",
                                            "t/*", "-f", "json", "--insecure"},
                                           env())
                                    ->wait();
      const auto all = nlohmann::json::parse(list.out, nullptr, false);
      return list.exit_code == 0 && all.is_array() && all.size() == kTopics;
    }));
  }
  pub_.reset();
  hosts_.link(Host::kRobot, false);
  std::ifstream maps("/proc/" + std::to_string(proxy_->pid()) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("/dev/shm"), std::string::npos) << line;
  }

  start_sub();
  const int64_t ready = boottime_ns();
  const auto holds = [&](Reader* reader) { return reader->refresh().ok() && reader->latest() != nullptr; };
  std::vector<Reader> readers;
  for (size_t i = 0; i < kTopics; ++i) {
    readers.push_back(storm::must(Reader::open(in("base"), name(i))));
    EXPECT_TRUE(await(milliseconds(5'000), [&] { return holds(&readers.back()); })) << name(i);
  }
  const int64_t took = boottime_ns() - ready;
  int64_t worst = 0, oldest = 0;
  size_t link_down = 0;
  for (Reader& reader : readers) {
    const Sample* sample = reader.latest();
    ASSERT_NE(sample, nullptr);
    int64_t published;
    memcpy(&published, sample->bytes.data(), sizeof published);
    worst = std::max(worst, std::abs(sample->born_ns - published));
    oldest = std::max(oldest, reader.age_ns().value_or(0));
  }
  EXPECT_TRUE(await(milliseconds(2'000), [&] {
    link_down = static_cast<size_t>(std::count_if(readers.begin(), readers.end(), [](const Reader& r) {
      return r.state() == State::kLinkDown || r.state() == State::kSourceDead;
    }));
    return link_down == kTopics;
  })) << link_down;
  print_figures(
      "relay_cache: {} topics {:.0f} ms after the late joiner was ready; ages up to {:.0f} ms, wrong by at "
      "most "
      "{:.2f} ms",
      readers.size(), static_cast<double>(took) / 1e6, static_cast<double>(oldest) / 1e6,
      static_cast<double>(worst) / 1e6);
  EXPECT_LE(took, 1'000'000'000 * storm::patience_factor());
  EXPECT_LE(worst, 20'000'000 * storm::patience_factor());
}

}  // namespace
}  // namespace smt::hosts
