// TERM=dumb: no tool writes an escape sequence to its terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "tests/tools/process.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DumbTerminal : public ToolTest {
 protected:
  DumbTerminal() {
    EXPECT_EQ(run({"smttopic", "pub", "x", "f64", "1"}).exit_code, 0);
    std::string rows = "timestamp,v\nuint64_t,double\n";
    for (int i = 0; i < 5; ++i) rows += std::to_string(i * 150'000) + ",1\n";
    log_ = std::filesystem::path(write("rec/a.0.csv", rows)).parent_path();
  }
  std::string shown(const std::vector<std::string>& args, int exit_code, const std::string& term) const {
    return TerminalProcess(args, env({{"TERM", term}, {"NO_COLOR", ""}})).wait(exit_code);
  }
  void expect_plain(const std::vector<std::string>& args, const std::string& text, int exit_code = 0) const {
    std::string line;
    for (const std::string& word : args) line += word + " ";
    const std::string plain = shown(args, exit_code, "dumb");
    EXPECT_THAT(plain, Not(HasSubstr("\x1b"))) << line;
    EXPECT_THAT(plain, Not(HasSubstr("\r\r"))) << line;
    EXPECT_THAT(plain, HasSubstr(text)) << line;
  }

  std::string log_;
};

TEST_F(DumbTerminal, GetsNoEscapeSequencesFromAnyTool) {
  expect_plain({"smttop", "-n", "2", "--interval", "50ms"}, "x");
  expect_plain({"smttopic", "list"}, "source-dead");
  expect_plain({"smttopic", "echo", "x", "--once"}, "source-dead");
  expect_plain({"smttopic", "hz", "x", "-n", "1"}, "HZ");
  expect_plain({"smttopic", "info", "x"}, "source-dead");
  expect_plain({"smttopic", "info", "none"}, "error", 4);
  expect_plain({"smttopic", "watch", "--timeout", "50ms"}, "nothing happened", 3);
  expect_plain({"smtlogger", "--output", root_ + "/a.mcap", "--duration", "500ms"}, " topics, ");
  expect_plain({"smtreplay", log_}, "5 samples");
  expect_plain({"smtdoctor", "--system-root", root_, "--bind", "tcp://127.0.0.1:x"}, "PROBLEM", 1);
  expect_plain({"smtcore", "--once"}, "NODE");
  expect_plain({"smtrelay_client", "--connect", "tcp://127.0.0.1:1", "--timeout", "50ms", "list"},
               "nobody answered", 7);
}

TEST_F(DumbTerminal, IsTheOnlyOneWithout) {
  EXPECT_THAT(shown({"smttopic", "list"}, 0, "xterm"), HasSubstr("\x1b["));
  EXPECT_THAT(shown({"smttop", "-n", "1", "--interval", "50ms"}, 0, "xterm"), HasSubstr("\x1b[?1049h"));
  EXPECT_THAT(shown({"smtreplay", log_}, 0, "xterm"), HasSubstr("\x1b[K"));
}

}  // namespace
}  // namespace smt::tools
