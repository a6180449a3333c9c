// The tools with --group, as other users: a member of the group reads and publishes, and files are 0640; a
// stranger is told who may.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storm/identity.h"
#include "storm/storm.h"
#include "storm/tool_as.h"

namespace smt::storm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Mode "tool" COMMAND ARGUMENT...: as kOwner, until it is killed.
int tool(const Args& args) {
  become(kOwner);
  return exec_tool(args);
}

class GroupTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string skip;
    if (geteuid() != 0) skip = "needs root to act as other users";
    if (getgrnam(kGroup) == nullptr) skip = std::string("needs a group ") + kGroup;
    if (skip.empty()) return;
    print_row(Row{.id = "G33", .what = "tools with --group", .skip = skip});
    GTEST_SKIP() << skip;
  }
  // Permission bits and group of a file in the domain.
  std::string rights(const std::string& file) const {
    struct stat st;
    if (stat((root_.path() + "/default" + file).c_str(), &st) != 0) return "not there";
    return fmt::format("{:04o} {}", st.st_mode & 07777, getgrgid(st.st_gid)->gr_name);
  }
  TempRoot root_;
  const std::string place_ = " --root " + root_.path(), shared_ = place_ + " --group " + kGroup;
};

TEST_F(GroupTest, AMemberReadsAndPublishesAndAStrangerDoesNot) {
  ASSERT_EQ(chmod(root_.path().c_str(), 01777), 0);
  const std::string sinewave = open_tool("smtsinewave"), topic = open_tool("smttopic");
  Child wave =
      Child::spawn("tool", {sinewave, "wave", "--node", "w", "--root", root_.path(), "--group", kGroup});
  ASSERT_TRUE(await(milliseconds(20'000), [&] { return rights("/w") != "not there"; }));
  EXPECT_EQ(rights(""), std::string("3770 ") + kGroup);
  EXPECT_EQ(rights("/w"), std::string("0640 ") + kGroup);
  EXPECT_EQ(rights("/w.bell"), std::string("0660 ") + kGroup);

  const std::string echo = topic + " echo --once -f jsonl wave";
  const std::string sample = R"("topic":"wave","sequence":)";
  EXPECT_THAT(run_as(kOwner, echo + shared_), AllOf(StartsWith("exit 0: "), HasSubstr(sample)));
  EXPECT_THAT(run_as(kMember, echo + shared_), AllOf(StartsWith("exit 0: "), HasSubstr(sample)));
  EXPECT_THAT(run_as(kMember, fmt::format("SMT_GROUP={} {}{}", kGroup, echo, place_)),
              StartsWith("exit 0: "));
  EXPECT_THAT(run_as(kMember, topic + " pub mine f64 1.5" + shared_), StartsWith("exit 0: "));
  EXPECT_THAT(run_as(kOwner, topic + " echo --once -f jsonl mine" + shared_), HasSubstr(R"({"value":1.5})"));
  EXPECT_THAT(run_as(kMember, topic + " pub mine f64 2.5 --node w" + shared_), StartsWith("exit 6: "));
  EXPECT_THAT(run_as(kMember, echo + place_), AllOf(StartsWith("exit 6: "), HasSubstr("pass --group")));
  EXPECT_THAT(run_as(kStranger, echo + shared_), StartsWith("exit 6: "));
  EXPECT_THAT(run_as(kStranger, topic + " pub mine f64 3.5" + shared_), StartsWith("exit 6: "));
  print_row(Row{.id = "G33", .what = "tools with --group", .n = 12, .violations = HasFailure() ? 1u : 0u});
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"tool", tool}};

}  // namespace smt::storm
