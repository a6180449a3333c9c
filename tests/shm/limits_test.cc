// What the machine allows: memory limits of control groups, planted as files, and groups by name and number.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "shm/identity.h"
#include "shm/memory_limit.h"
#include "tests/temp_folder.h"

namespace smt {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

// A machine's files below a folder.
class Limits : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories(fs::path(root() + file).parent_path());
    std::ofstream(root() + file) << text;
  }
  // Version 2: a group's files.
  void group2(const std::string& path, const std::string& max, uint64_t current,
              uint64_t inactive = 0) const {
    write("/sys/fs/cgroup" + path + "/memory.max", max + "\n");
    write("/sys/fs/cgroup" + path + "/memory.current", std::to_string(current) + "\n");
    write("/sys/fs/cgroup" + path + "/memory.stat",
          "anon 1\ninactive_file " + std::to_string(inactive) + "\n");
  }
  void be_in2(const std::string& path, const std::string& mounted = "/") const {
    write("/proc/self/cgroup", "0::" + path + "\n");
    write("/proc/self/mountinfo", "24 1 0:22 / /proc rw - proc proc rw\n30 23 0:26 " + mounted +
                                      " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  // What is left of so much: less a part for the program itself.
  static uint64_t room(uint64_t free) { return free - free / 32 - kMiB; }
  const std::string& root() const { return temp_.path(); }
  const TempFolder temp_;
};

TEST_F(Limits, WithoutControlGroupsOrWithoutALimitThereIsNone) {
  EXPECT_EQ(memory_limit(root()).room_bytes, UINT64_MAX);
  be_in2("/a");
  EXPECT_EQ(memory_limit(root()).room_bytes, UINT64_MAX);
  group2("/a", "max", 5 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, UINT64_MAX);
  EXPECT_EQ(memory_limit(root()).file, "");
}

TEST_F(Limits, TheLeastRoomOfAllGroupsAboveCounts) {
  be_in2("/pods/pod1/robot");
  group2("/pods/pod1/robot", "max", 10 * kMiB);
  group2("/pods/pod1", std::to_string(64 * kMiB), 40 * kMiB);
  group2("/pods", std::to_string(100 * kMiB), 90 * kMiB);
  const MemoryLimit limit = memory_limit(root());
  EXPECT_EQ(limit.room_bytes, room(10 * kMiB))
      << "the group above has less left, though its limit is greater";
  EXPECT_EQ(limit.bytes, 100 * kMiB);
  EXPECT_EQ(limit.file, root() + "/sys/fs/cgroup/pods/memory.max");
  group2("/pods", "max", 90 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, room(24 * kMiB));
  group2("/pods/pod1/robot", std::to_string(12 * kMiB), 10 * kMiB);
  EXPECT_LT(memory_limit(root()).room_bytes, 2 * kMiB);
}

TEST_F(Limits, PagesOfFilesThatNobodyUsesAreFree) {
  be_in2("/a");
  group2("/a", std::to_string(64 * kMiB), 60 * kMiB, 50 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, room(54 * kMiB));
  group2("/a", std::to_string(64 * kMiB), 60 * kMiB, 70 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, room(64 * kMiB)) << "figures that are not of one instant";
  group2("/a", std::to_string(64 * kMiB), 80 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, 0u);
}

TEST_F(Limits, AContainerSeesItsPartOfTheTree) {
  group2("", std::to_string(64 * kMiB), 24 * kMiB);
  // With a namespace of its own; a mount of its group alone; a group beside what it sees.
  for (const auto& [path, mounted] : {std::pair("/", "/"), std::pair("/docker/1", "/docker/1"),
                                      std::pair("/../other", "/"), std::pair("/kube/2", "/docker/1")}) {
    be_in2(path, mounted);
    EXPECT_EQ(memory_limit(root()).room_bytes, room(40 * kMiB)) << path << " " << mounted;
  }
}

TEST_F(Limits, VersionOneIsReadBesideVersionTwo) {
  write("/proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/docker/1\n0::/other\n");
  write("/proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "31 23 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "32 23 0:28 / /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,cpu,memory\n");
  const auto group1 = [&](const std::string& path, uint64_t limit, uint64_t usage) {
    const std::string at = "/sys/fs/cgroup/memory" + path;
    write(at + "/memory.limit_in_bytes", std::to_string(limit) + "\n");
    write(at + "/memory.usage_in_bytes", std::to_string(usage) + "\n");
    write(at + "/memory.stat", "inactive_file 1\ntotal_inactive_file " + std::to_string(2 * kMiB) + "\n");
  };
  group1("", 9223372036854771712u, 900 * kMiB);
  group1("/docker/1", 9223372036854771712u, 20 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, UINT64_MAX);
  group1("/docker", 64 * kMiB, 20 * kMiB);
  EXPECT_EQ(memory_limit(root()).room_bytes, room(46 * kMiB));
  EXPECT_EQ(memory_limit(root()).bytes, 64 * kMiB);
}

TEST(Identity, AGroupHasANameOrANumber) {
  const struct group* known = getgrgid(0);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(*group_id(known->gr_name), 0u);
  EXPECT_EQ(*group_id("0"), 0u);
  EXPECT_EQ(*group_id("61234567"), 61234567u) << "whether or not it has a name";
  EXPECT_EQ(*group_id("4294967294"), 4294967294u);
  for (const char* wrong :
       {"smt-no-such-group", "-1", "4294967295", "4294967296", "1500 ", "0x10", "+5", ""}) {
    const Result<gid_t> group = group_id(wrong);
    ASSERT_FALSE(group.ok()) << wrong;
    EXPECT_EQ(group.status().code(), Code::kInvalid);
    EXPECT_THAT(group.status().message(),
                HasSubstr(std::string("no such group '") + wrong + "': make it with"));
  }
}

}  // namespace
}  // namespace smt
