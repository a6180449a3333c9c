// smt, which runs the other tools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Smt = ToolTest;

TEST_F(Smt, RunsToolsByTheirShortNames) {
  EXPECT_EQ(run({"smt", "topic", "pub", "x", "u8", "7"}).exit_code, 0);
  EXPECT_THAT(run({"smt", "topic", "echo", "x", "--once"}).out, HasSubstr("value: 7"));
  EXPECT_THAT(run({"smt", "sinewave", "--help"}).out, HasSubstr("Usage: smtsinewave "));
  EXPECT_THAT(run({"smt", "relay", "keygen", "--help"}).out, HasSubstr("Usage: smtrelay_keygen "));
  EXPECT_THAT(run({"smt", "keygen", "--version"}).out, StartsWith("smtrelay "));
  const Ended usage = run({"smt", "topic", "echo"});
  EXPECT_EQ(usage.exit_code, 2) << "the tool's own exit code";
  EXPECT_THAT(usage.err, StartsWith("smttopic: "));
}

TEST_F(Smt, ListsWhatIsThere) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"smt"}, {"smt", "--help"}}) {
    const Ended list = run(args);
    EXPECT_EQ(list.exit_code, 0);
    EXPECT_EQ(list.err, "");
  }
  EXPECT_THAT(run({"smt"}).out,
              AllOf(ContainsRegex("  smt topic +Look at topics"), HasSubstr("  smt relay keygen  ")));
  EXPECT_THAT(run({"smt", "--version"}).out, StartsWith("smtrelay "));
}

TEST_F(Smt, SaysWhatMayBeMeant) {
  const Ended near = run({"smt", "topci", "list"});
  EXPECT_EQ(near.exit_code, 2);
  EXPECT_THAT(near.err, HasSubstr("no tool \"topci\"; did you mean topic or top; smt alone lists them"));
  EXPECT_THAT(run({"smt", "relay", "pud"}).err, HasSubstr("did you mean relay pub"));
  EXPECT_THAT(run({"smt", "relay"}).err, HasSubstr("which relay? pub, sub"));
  EXPECT_EQ(run({"smt", "relay"}).exit_code, 2);
  EXPECT_EQ(run({"smt", "--verbose"}).exit_code, 2);
}

TEST_F(Smt, RunsProgramsOfThePathAndNoOthers) {
  const std::string script = "#!/bin/sh\necho \"$(basename \"$0\") [$1] [$2]\"\nexit 9\n";
  const std::string hello = write("bin/smt-hello", script);
  write("bin/smt-plain", script);  // not executable
  write("smtdot", script);
  ASSERT_EQ(chmod(hello.c_str(), 0755), 0);
  ASSERT_EQ(chmod((root_ + "/smtdot").c_str(), 0755), 0);
  const Process::Options options = env({{"PATH", root_ + "/bin:" + getenv("PATH")}});
  const Ended ended = run_process({"smt", "hello", "a b", "--x"}, options);
  EXPECT_EQ(ended.out, "smt-hello [a b] [--x]\n");
  EXPECT_EQ(ended.exit_code, 9);
  EXPECT_EQ(run_process({"smt", "plain"}, options).exit_code, 2);
  EXPECT_EQ(run_process({"smt", "hello"}, env({{"PATH", ""}})).exit_code, 2);
  for (const char* word : {"../smtdot", "/bin/sh", "..", "topic;ls", ""}) {
    EXPECT_EQ(run_process({"smt", word}, options).exit_code, 2) << word;
  }
}

}  // namespace
}  // namespace smt::tools
