// Folders that are really full, in a mount namespace of this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

TopicOptions raw(const std::string& name, uint64_t bytes) {
  TopicOptions options;
  options.name = name;
  options.max_bytes = bytes;
  return options;
}

std::vector<std::byte> make_bytes(size_t count, int value) { return {count, static_cast<std::byte>(value)}; }

class FullFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string skip;
    if (geteuid() != 0) {
      skip = "needs root for a mount of its own";
      // Below a chroot `/` is no mount point; the folder the test mounts on lies in /dev/shm, which is one.
    } else if (unshare(CLONE_NEWNS) != 0 || (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 &&
                                             mount("none", "/dev/shm", nullptr, MS_PRIVATE, nullptr) != 0)) {
      skip = "needs a mount namespace";
    }
    if (!skip.empty()) {
      print_row(Row{.id = "L5", .what = "full tmpfs", .skip = skip});
      GTEST_SKIP() << skip;
    }
  }
  void TearDown() override {
    if (mounted_) umount2(root_.path().c_str(), MNT_DETACH);
  }
  Domain mount_tmpfs(const std::string& options) {
    if (mount("smt-test", root_.path().c_str(), "tmpfs", 0, (options + ",mode=0755").c_str()) != 0) {
      must(Status::from_errno("mount tmpfs", errno));
    }
    mounted_ = true;
    return root_.open();
  }
  void expect_newest(const Domain& domain, const std::string& topic, const std::vector<std::byte>& value) {
    Reader reader = must(Reader::open(domain, topic));
    const Sample* sample = reader.latest();
    ASSERT_NE(sample, nullptr) << topic;
    EXPECT_TRUE(std::equal(sample->bytes.begin(), sample->bytes.end(), value.begin(), value.end())) << topic;
  }

  TempRoot root_;
  bool mounted_ = false;
};

TEST_F(FullFolder, OfTwoMebibytesRefusesWithFiguresKeepsAllValuesAndWorksAgainWhenSpaceReturns) {
  const Domain domain = mount_tmpfs("size=2m,nr_inodes=1000");
  const std::string ballast = root_.path() + "/ballast";
  std::ofstream(ballast) << std::string(1 << 20, 'x');
  auto node = must(Node::open(domain, {.name = "robot"}));
  Publisher witness = must(node->advertise(raw("witness", 64)));
  must(witness.publish(make_bytes(64, 9)));
  Publisher growing = must(node->advertise(raw("growing", 64)));

  // Values grow until they do not fit.
  size_t fits = 0;
  Status status;
  for (size_t bytes = 64; status.ok(); bytes *= 2) {
    ASSERT_LT(bytes, size_t{4} << 20);
    status = growing.publish(make_bytes(bytes, 1));
    if (status.ok()) fits = bytes;
  }
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_THAT(status.message(),
              ContainsRegex("no space in .*/default \\(2.0 MiB, [0-9.]+ [KM]iB used\\): need [0-9.]+ "
                            "[KM]iB for topic growing; .*; in Docker pass --shm-size"));
  expect_newest(domain, "growing", make_bytes(fits, 1));
  EXPECT_EQ(growing.publish(make_bytes(fits, 2)).message(), "") << "a value that fitted before";

  // Some nodes, topics until none fits, then nodes until none fits.
  std::vector<std::unique_ptr<Node>> nodes;
  const auto open_node = [&] {
    auto made = Node::open(domain, {.name = fmt::format("node-{}", nodes.size())});
    if (!made.ok()) return made.status();
    nodes.push_back(std::move(*made));
    return Status();
  };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(open_node().message(), "");
  std::vector<Publisher> publishers;
  for (status = Status(); status.ok();) {
    ASSERT_LT(publishers.size(), 5'000u);
    Result<Publisher> made = node->advertise(raw(fmt::format("many/{}", publishers.size()), 1'000));
    status = made.ok() ? made->publish(make_bytes(1'000, 3)) : made.status();
    if (status.ok()) publishers.push_back(std::move(*made));
  }
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_THAT(status.message(), ContainsRegex("no space in .*need [0-9.]+ .*B for topic many/"));
  for (status = Status(); status.ok(); status = open_node()) ASSERT_LT(nodes.size(), 300u);
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_THAT(status.message(),
              ContainsRegex("no space in .*need [0-9.]+ .*B for the (segment|bell) of node node-"));

  // Nothing of what is there was touched, and what is reserved can be written.
  expect_newest(domain, "witness", make_bytes(64, 9));
  expect_newest(domain, "growing", make_bytes(fits, 2));
  for (int round = 0; round < 8; ++round) {
    EXPECT_EQ(witness.publish(make_bytes(64, 10)).message(), "");
    EXPECT_EQ(growing.publish(make_bytes(fits, 4)).message(), "");
    for (Publisher& publisher : publishers) EXPECT_EQ(publisher.publish(make_bytes(1'000, 5)).message(), "");
  }
  const DomainListing listing = must(list_topics(domain));
  EXPECT_EQ(listing.problems, std::vector<std::string>());
  EXPECT_EQ(listing.topics.size(), 2 + publishers.size());
  for (const TopicInfo& topic : listing.topics) EXPECT_EQ(topic.freshness.state, State::kFresh) << topic.name;

  // Space returns.
  const size_t topics = publishers.size();
  ASSERT_TRUE(std::filesystem::remove(ballast));
  EXPECT_EQ(growing.publish(make_bytes(fits + fits / 8, 6)).message(), "");
  expect_newest(domain, "growing", make_bytes(fits + fits / 8, 6));
  auto advertised = node->advertise(raw(fmt::format("many/{}", topics), 1'000));
  EXPECT_TRUE(advertised.ok()) << advertised.status().message();
  auto opened = Node::open(domain, {.name = "late"});
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  expect_newest(domain, "witness", make_bytes(64, 10));
  print_figures("full folder: 2 MiB took a value of {} KiB, {} topics and {} nodes; {}", fits / 1024, topics,
                nodes.size(), status.message());
  print_row(Row{.id = "L5",
                .what = "tmpfs of 2 MiB full, and again with space",
                .n = publishers.size() + nodes.size(),
                .violations = HasFailure() ? 1u : 0u});
}

TEST_F(FullFolder, WithoutInodesRefusesANodeAndSaysSo) {
  const Domain domain = mount_tmpfs("size=2m,nr_inodes=12");
  std::vector<std::unique_ptr<Node>> nodes;
  Status status;
  while (status.ok()) {
    ASSERT_LT(nodes.size(), 12u);
    auto made = Node::open(domain, {.name = fmt::format("node-{}", nodes.size()), .remove_on_exit = true});
    status = made.ok() ? Status() : made.status();
    if (status.ok()) nodes.push_back(std::move(*made));
  }
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_THAT(status.message(), HasSubstr("no inodes left"));
  ASSERT_GT(nodes.size(), 2u);
  nodes.pop_back();
  auto again = Node::open(domain, {.name = "again"});
  EXPECT_TRUE(again.ok()) << again.status().message();
}

TEST_F(FullFolder, OfSixtyFourMebibytesRefusesATopicOfHundredMegabytesAsDocumented) {
  const Domain domain = mount_tmpfs("size=64m");
  auto node = must(Node::open(domain, {.name = "camera"}));
  const Status status = node->advertise(raw("camera/front", 100'000'000)).status();
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_THAT(status.message(),
              ContainsRegex("no space in .*/default \\(64.0 MiB, [0-9.]+ KiB used\\): need 381.[0-9] MiB "
                            "for topic camera/front; .*in Docker pass --shm-size"));
  EXPECT_TRUE(node->advertise(raw("camera/front", 10'000'000)).ok());
  print_figures("full folder: {}", status.message());
}

}  // namespace

const std::map<std::string, Mode> kModes;

}  // namespace smt::storm
