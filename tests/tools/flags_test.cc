// Flags and exit codes of every tool, found by its own help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tests/tools/process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

const char* const kAllTools[] = {
    "smttopic",        "smtcore",         "smtdoctor",       "smttop",          "smtlogger",
    "smtsinewave",     "smtreplay",       "smtrelay_pub",    "smtrelay_sub",    "smtrelay_proxy",
    "smtrelay_client", "smtrelay_keygen", "smtrelay_health", "smt-api-builder", "smt-register-builder"};

class NumericFlags : public ToolTest {
 protected:
  // The flags of a tool, or of its verb, whose values are numbers, by the type that the help tells.
  std::vector<std::pair<std::string, std::string>> flags_of(const Words& command) const {
    Words help = command;
    help.push_back("--help");
    const std::string text = run(help).out;
    std::vector<std::pair<std::string, std::string>> flags;
    const std::regex flag("(--[a-z-]+) (N|X|HZ|BYTES|DURATION|SECONDS)(\\s|$)");
    for (std::sregex_iterator at(text.begin(), text.end(), flag), end; at != end; ++at)
      flags.emplace_back((*at)[1], (*at)[2]);
    return flags;
  }
  std::vector<Words> commands() const {
    std::vector<Words> all;
    for (const char* tool : kAllTools) {
      all.push_back({tool});
      std::istringstream verbs(run({tool, "--complete", ""}).out);
      for (std::string verb; std::getline(verbs, verb);) all.push_back({tool, verb});
    }
    return all;
  }
  void refuses(Words command, const std::string& flag, const std::string& value) const {
    command.push_back(flag + "=" + value);
    const Ended ended = run(command);
    SCOPED_TRACE(command[0] + " " + command.back());
    EXPECT_EQ(ended.exit_code, 2) << ended.err;
    EXPECT_THAT(ended.err,
                AllOf(HasSubstr(flag), AnyOf(HasSubstr(" is out of range"), HasSubstr("\" is no "))));
  }
};

TEST_F(NumericFlags, OfEveryToolRefuseWhatIsNotFiniteAndWhatIsBelowNothing) {
  const std::set<std::string> may_be_negative = {"--amplitude", "--offset", "--phase"};
  size_t seen = 0;
  for (const Words& command : commands()) {
    for (const auto& [flag, type] : flags_of(command)) {
      ++seen;
      for (const char* value : {"nan", "inf", "-inf", "1e999", "1x"}) refuses(command, flag, value);
      if (may_be_negative.count(flag) == 0) refuses(command, flag, "-1");
    }
  }
  EXPECT_GE(seen, 40u) << "the help tells the types of flags otherwise now";
}

TEST_F(NumericFlags, KeepTheirBounds) {
  refuses({"smtlogger"}, "--split-size", "0");
  refuses({"smtlogger"}, "--split-time", "0");
  refuses({"smtreplay", "x"}, "--speed", "0");
  refuses({"smtsinewave", "x"}, "--history", "0");
  refuses({"smtsinewave", "x"}, "--history", "16777217");
  refuses({"smtsinewave", "x"}, "--segment-size", "65535");
  refuses({"smtsinewave", "x"}, "--topics", "1000001");
  refuses({"smtsinewave", "x"}, "--seed", "18446744073709551616");
  refuses({"smttopic", "hz", "x"}, "--count", "0");
  refuses({"smtcore"}, "--interval", "999us");
  refuses({"smttop"}, "--interval", "49ms");
  refuses({"smttop"}, "--interval", "10000h");
}

TEST_F(NumericFlags, ThatAreGoodAreTaken) {
  EXPECT_EQ(run({"smtsinewave", "s", "-n", "1", "--amplitude", "-1e300", "--offset", "+1.5", "--phase",
                 "-0.25", "--seed", "18446744073709551615", "--segment-size", "1MiB", "--type", "f32"})
                .exit_code,
            0);
  EXPECT_THAT(run({"smttopic", "echo", "s", "-f", "jsonl", "-n", "1"}).out,
              AnyOf(HasSubstr("3.4028"), HasSubstr("e+300")))
      << "kept in the range of its type";
  EXPECT_EQ(run({"smttopic", "list", "--domain", "d"}).exit_code, 0);
}

class ExitCodes : public ToolTest {
 protected:
  void ends(const Words& command, int code, const std::string& text = "") const {
    const Ended ended = run(command);
    std::string line;
    for (const std::string& word : command) line += word + " ";
    EXPECT_EQ(ended.exit_code, code) << line << "\n" << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(text)) << line;
  }
};

TEST_F(ExitCodes, AFileThatAnArgumentNamesAndThatIsNotThereIsABadArgument) {
  const std::string none = root_ + "/none", file = write("file", "x");
  ends({"smtrelay_keygen", "--fingerprint", none}, 2, none);
  ends({"smtrelay_keygen", "--public", none}, 2, none);
  ends({"smtrelay_keygen", "--fingerprint", file + "/below"}, 2, "Not a directory");
  ends({"smtlogger", "--output", none + "/a.h5"}, 2, "no such folder");
  ends({"smtlogger", "--output", none + "/a.mcap"}, 2, "no such folder");
  ends({"smtlogger", "--output", file + "/a.mcap"}, 2, "Not a directory");
  ends({"smtlogger", "info", none + ".mcap"}, 2, none);
  ends({"smtlogger", "convert", none + ".h5", root_ + "/a.mcap"}, 2, none);
  ends({"smtreplay", none}, 2, none);
  ends({"smttopic", "pub", "-f", none}, 2, none);
  ends({"smtrelay_pub", "--config", none}, 2, "No such file");
  ends({"smtrelay_pub", "--bind", "tcp://127.0.0.1:*", "--keys", none}, 2, none);
  const std::string audit =
      write("audit.toml", "version = 1\naudit = '" + none + "/a'\n[[write]]\ntopic = 'x'\n");
  ends({"smtrelay_pub", "--bind", "tcp://127.0.0.1:*", "--config", audit}, 2, "audit file " + none);
  ends({"smt-api-builder", none, "--check"}, 2, none);
}

TEST_F(ExitCodes, WhatIsNotThereIsNoSuchTopicOnlyWhereATopicWasAskedFor) {
  ends({"smttopic", "info", "x"}, 4);
  ends({"smttopic", "rm", "x"}, 4);
  ends({"smttopic", "echo", "x", "--once"}, 4);
  ends({"smttopic", "watch", "x", "--timeout", "50ms"}, 3, "x: nothing happened within 50 ms");
  ends({"smttopic", "list"}, 0);
  ends({"smtcore", "--once"}, 1, "no folder");
  ends({"smttop", "-n", "1", "--interval", "50ms"}, 1, "no folder");
  ends({"smtsinewave", "x", "-n", "1", "--root", root_ + "/no/such"}, 1, "cannot make folder");
  ends({"smtrelay_sub", "--bind", "tcp://127.0.0.1:*", "--root", root_ + "/no/such"}, 1,
       "cannot make folder");
  ends({"smttopic", "pub", "x", "5"}, 4, "no topic x");
  ends({"smtrelay_client", "--connect", "tcp://127.0.0.1:1", "--timeout", "100ms", "get", "x"}, 7);
}

TEST_F(ExitCodes, ADomainThatMayNotBeUsedIsDenied) {
  ASSERT_EQ(run({"smttopic", "pub", "x", "u8", "1"}).exit_code, 0);
  ASSERT_EQ(chmod(folder().c_str(), 0755), 0);
  const std::string text = " has rights ";
  ends({"smttopic", "list"}, 6, text);
  ends({"smttopic", "watch", "--timeout", "50ms"}, 6, text);
  ends({"smttopic", "hz", "x", "--duration", "50ms"}, 6, text);
  ends({"smtcore", "--once"}, 6, text);
  ends({"smttop", "-n", "1", "--interval", "50ms"}, 6, text);
  ends({"smtsinewave", "x", "-n", "1"}, 6, text);
  ends({"smtlogger", "--output", root_ + "/a.mcap", "--duration", "50ms"}, 6, text);
  ends({"smtreplay", fs::path(write("rec/a.csv", "timestamp\nuint64_t\n1\n")).parent_path()}, 6, text);
  ends({"smtrelay_pub", "--bind", "tcp://127.0.0.1:*"}, 6, text);
  ends({"smtrelay_sub", "--bind", "tcp://127.0.0.1:*"}, 6, text);
}

TEST_F(ExitCodes, KeysAreMadeInAFolderWithThoseOnTheWayToIt) {
  const std::string to = root_ + "/etc/smt/keys";
  ends({"smtrelay_keygen", "robot", "--out", to}, 0);
  for (const char* part : {"", "/smt", "/smt/keys", "/smt/keys/peers"}) {
    struct stat st;
    ASSERT_EQ(stat((root_ + "/etc" + part).c_str(), &st), 0) << part;
    EXPECT_EQ(st.st_mode & 0777, 0700u) << part;
  }
  EXPECT_TRUE(fs::exists(to + "/self.key"));
  ends({"smtrelay_keygen", "base", "--out", root_ + "/slash/"}, 0);
  EXPECT_TRUE(fs::exists(root_ + "/slash/self.key"));
  ends({"smtrelay_keygen", "robot", "--out", write("file", "x")}, 1, "cannot make the folder");
  ends({"smtrelay_keygen", "robot", "--out", to}, 1, "is there already");
}

// What runs under `ulimit -v`.
TEST_F(ExitCodes, ASegmentThatIsTooLargeForTheAddressSpaceNamesTheFlagThatMakesItSmaller) {
#ifdef SMT_ADDRESS_SANITIZER
  GTEST_SKIP() << "AddressSanitizer maps far more";
#endif
  ASSERT_EQ(run({"smttopic", "pub", "x", "u8", "1", "--node", "n"}).exit_code, 0);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 700 << 20;  // programs start, and 1 GiB does not fit
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  const Ended sine = run({"smtsinewave", "y", "-n", "1", "--node", "m"});
  const Ended small = run({"smtsinewave", "y", "-n", "1", "--node", "m", "--segment-size", "16M"});
  const Ended list = run({"smttopic", "list"});
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(sine.exit_code, 1);
  EXPECT_THAT(sine.err,
              HasSubstr("cannot map 1.0 GiB of the segment of node m: this process may have 700.0 MiB of "
                        "address space; raise ulimit -v, or start the node with a smaller --segment-size"));
  EXPECT_EQ(small.exit_code, 0) << small.err;
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.err,
              AllOf(HasSubstr("cannot map 1.0 GiB of the segment of node n"), HasSubstr("--segment-size")));
}

}  // namespace
}  // namespace smt::tools
