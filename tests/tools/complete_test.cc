// Completion, as bash asks for it and as each tool answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/paths.h"
#include "tests/text.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class Complete : public ToolTest {
 protected:
  Complete() {
    for (const char* topic : {"arm/pose", "arm/limit", "leg/hip joint", "smt/relay/x"})
      run({"smttopic", "pub", topic, "u8", "1"});
    run({"smttopic", "pub", "other/topic", "u8", "1", "--domain", "e"});
  }
  std::vector<std::string> words(std::vector<std::string> args) const {
    args.insert(args.begin() + 1, "--complete");
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    return split_lines(ended.out);
  }
};

TEST_F(Complete, TellsVerbsFlagsAndWords) {
  EXPECT_THAT(words({"smttopic", "e"}), ElementsAre("echo"));
  EXPECT_THAT(words({"smttopic", ""}), AllOf(Contains("list"), Contains("watch"), Not(Contains("--domain"))));
  EXPECT_THAT(words({"smttopic", "echo", "--fi"}), ElementsAre("--field", "--filter"));
  EXPECT_THAT(words({"smttopic", "echo", "--do"}), ElementsAre("--domain"));
  EXPECT_THAT(words({"smttopic", "echo", "-f", "js"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(words({"smttopic", "list", "--state", "s"}),
              ElementsAre("source-dead", "stale", "substituted"));
  EXPECT_THAT(words({"smttopic", "--domain", ""}), ElementsAre("d", "e"));
  EXPECT_THAT(words({"smttopic", "pub", "--st"}), ElementsAre("--strict"));
  EXPECT_THAT(words({"smtreplay", "--sp"}), ElementsAre("--speed", "--split"));
  EXPECT_THAT(words({"smtrelay_sub", "--on-"}), ElementsAre("--on-lost", "--on-stale"));
  EXPECT_THAT(words({"smttopic", "dance", "--nothing", "x"}), IsEmpty());
}

TEST_F(Complete, TellsTheTopicsThatThereAreNow) {
  EXPECT_THAT(words({"smttopic", "echo", ""}), ElementsAre("arm/limit", "arm/pose", "leg/hip joint"));
  EXPECT_THAT(words({"smttopic", "info", "arm/p"}), ElementsAre("arm/pose"));
  EXPECT_THAT(words({"smttopic", "echo", "--timeout", "list", "leg"}), ElementsAre("leg/hip joint"));
  EXPECT_THAT(words({"smttopic", "hz", "smt/"}), ElementsAre("smt/relay/x"));
  EXPECT_THAT(words({"smttopic", "echo", "--domain", "e", ""}), ElementsAre("other/topic"));
  EXPECT_THAT(words({"smttopic", "--domain=e", "echo", "o"}), ElementsAre("other/topic"));
  EXPECT_THAT(words({"smttopic", "echo", "--domain", "none", ""}), IsEmpty());
  EXPECT_THAT(words({"smtsinewave", "arm/l"}), ElementsAre("arm/limit"));
}

TEST_F(Complete, GoesThroughTheDispatcher) {
  EXPECT_THAT(words({"smt", "to"}), ElementsAre("top", "topic"));
  EXPECT_THAT(words({"smt", "relay", "p"}), ElementsAre("proxy", "pub"));
  EXPECT_THAT(words({"smt", "topic", "inf"}), ElementsAre("info"));
  EXPECT_THAT(words({"smt", "topic", "info", "arm/"}), ElementsAre("arm/limit", "arm/pose"));
  EXPECT_THAT(words({"smt", "relay", "sub", "--on-"}), ElementsAre("--on-lost", "--on-stale"));
  EXPECT_THAT(words({"smt", "nothing", "x"}), IsEmpty());
}

TEST_F(Complete, AnswersBash) {
  const auto bash = [&](const std::string& line_words, int current) {
    const std::string command = "SMT_ROOT=" + root_ + " SMT_DOMAIN=d PATH=" + bin_dir() +
                                ":$PATH bash -c '. " + source_path("deploy/completion/smt.bash") +
                                "; COMP_WORDS=(" + line_words + "); COMP_CWORD=" + std::to_string(current) +
                                "; _smt \"${COMP_WORDS[0]}\"; printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
    FILE* const out = popen(command.c_str(), "r");
    std::string text;
    for (int c; out != nullptr && (c = fgetc(out)) != EOF;) text += static_cast<char>(c);
    EXPECT_EQ(pclose(out), 0);
    return split_lines(text);
  };
  EXPECT_THAT(bash("smttopic echo arm/", 2), ElementsAre("arm/limit", "arm/pose"));
  EXPECT_THAT(bash("smttopic echo leg", 2), ElementsAre("leg/hip\\ joint"));
  EXPECT_THAT(bash("smt topic ech more", 2), ElementsAre("echo"))
      << "what stands behind the cursor is left alone";
  EXPECT_THAT(bash("smttopic list --state \"\"", 3), Contains("fresh"));
}

}  // namespace
}  // namespace smt::tools
