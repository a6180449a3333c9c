// Patterns that match nothing are told once, in the words of docs/troubleshooting.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/paths.h"
#include "tests/text.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(RelayTest, PatternsThatMatchNothingAreToldOnceAfterTenSeconds) {
  const std::string page = contents(source_path("docs/troubleshooting.md"));
  publish("arm/elbow", "u8", "1");
  const Relay robot = pub({"--topic", "arm/*", "--topic", "amr/*"});
  const Relay base = sub(robot.endpoint(), {"--topic", "arm/*", "--topic", "leg/*"});
  const Relay gate = proxy({"--cache", "**"});
  Process logger({"smtlogger", "--domain", "robot", "--output", root_ + "/a.mcap", "--topic", "arm/*",
                  "--topic", "log/*"},
                 env());
  const std::pair<Process*, std::string> tools[] = {
      {robot.process.get(), "amr/*"}, {base.process.get(), "leg/*"}, {&logger, "log/*"}};
  for (const auto& [tool, pattern] : tools) tool->wait_for_error(" matches '" + pattern + "'");
  for (const auto& [tool, pattern] : tools) {
    tool->send(SIGTERM);
    const std::string log = tool->wait().err;
    EXPECT_THAT(log, Not(HasSubstr("matches 'arm/*'")));
    const size_t begin = log.find("no topic ");
    ASSERT_NE(begin, log.npos);
    EXPECT_EQ(log.find("no topic ", begin + 1), log.npos) << log;
    std::string line = log.substr(begin, log.find('\n', begin) - begin);
    line.replace(line.find(pattern), pattern.size(), "PATTERN");
    EXPECT_THAT(page, HasSubstr("| `" + line + "` |"));
    const std::string domain = tool == base.process.get() ? "base" : "robot";
    const Ended doctor = run({"smtdoctor", "--domain", domain, "--topic", pattern});
    EXPECT_EQ(doctor.exit_code, 1);
    EXPECT_THAT(doctor.out, HasSubstr("no topic here matches '" + pattern + "'"));
  }
  gate.process->send(SIGTERM);
  EXPECT_THAT(gate.process->wait().err, Not(HasSubstr("no topic"))) << "nobody is there to have any";
}

}  // namespace
}  // namespace smt::tools
