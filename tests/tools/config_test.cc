// The configuration of the relay's tools from outside: the examples pass, more than a hundred broken files
// are refused with file, line and column, and a broken reload changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <random>

#include "tests/cmd/config/broken_configs.h"
#include "tests/paths.h"
#include "tests/scale.h"
#include "tests/text.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kRoles[] = {"pub", "sub", "proxy", "client"};

std::string example_config(const std::string& role) {
  return contents(source_path("deploy/" + role + ".toml"));
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

// An example with one thing broken.
struct Mutation {
  std::string what;
  std::string text;
  size_t line;  // that the error is in; 0: not known
};

// All are broken by what TOML and the keys are, wherever they strike.
std::vector<Mutation> mutations(const std::string& example, std::mt19937* random) {
  std::vector<Mutation> out;
  const std::vector<std::string> lines = split_lines(example);
  const auto with = [&](size_t at, const std::string& what, const std::string& line, size_t wrong) {
    std::vector<std::string> changed = lines;
    changed[at] = line;
    out.push_back({what + ", line " + std::to_string(at + 1), join(changed), wrong});
  };
  for (size_t at = 0; at < lines.size(); ++at) {
    const std::string& line = lines[at];
    if (line.starts_with("[[")) {
      with(at, "header without a bracket", "[[" + line.substr(2, line.find(']') - 2) + "]", at + 1);
      with(at, "misspelt header", "[[x" + line.substr(2), at + 1);
      continue;
    }
    const size_t equals = line.find(" = ");
    if (line.starts_with('#') || equals == line.npos) continue;
    const std::string key = line.substr(0, equals);
    with(at, "key too long", key.substr(0, 1) + line, at + 1);
    with(at, "key too short", key.substr(0, key.size() - 1) + line.substr(equals), 0);
    with(at, "key twice", line + "\n" + line, at + 2);
    with(at, "no equals sign", key + line.substr(equals + 2), at + 1);
    with(at, "a date", key + " = 1979-05-27", at + 1);
    with(at, "a table", key + " = {}", at + 1);
    with(at, "no value", key + " =", 0);
    if (const size_t quote = line.find('"'); quote != line.npos) {
      with(at, "no opening quote", line.substr(0, quote) + line.substr(quote + 1), 0);
      with(at, "bad escape", line.substr(0, quote + 1) + "\\q" + line.substr(quote + 1), at + 1);
    }
  }
  for (int i = 0; i < 20; ++i) {
    // Neither is allowed in any place: in keys, in strings or in comments.
    const size_t at = (*random)() % example.size();
    std::string inserted = example, flipped = example;
    inserted.insert(at, 1, i % 2 == 0 ? '\x01' : '\xff');
    flipped[at] = static_cast<char>(flipped[at] ^ 0x80);
    out.push_back({"byte inserted at " + std::to_string(at), inserted, 0});
    out.push_back({"bit flipped at " + std::to_string(at), flipped, 0});
  }
  return out;
}

class ConfigTool : public RelayTest {
 protected:
  Ended check(const std::string& role, const std::string& path) const {
    return run({"smtrelay_" + role, "--check-config", "--config", path});
  }
  // The printed form of a file, without its origins.
  std::string meaning(const std::string& role, const std::string& path) const {
    const Ended printed = run({"smtrelay_" + role, "--print-config", "--config", path});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    std::vector<std::string> lines = split_lines(printed.out);
    for (std::string& line : lines) line.resize(std::min(line.rfind("  # "), line.size()));
    return join(lines);
  }
  // "tool: error: FILE:LINE:COLUMN: " in front of one line at least; the line, 0 if there is none.
  static size_t place_in(const std::string& err, const std::string& path) {
    const size_t at = err.find("error: " + path + ":");
    size_t line = 0, column = 0;
    int read = 0;
    if (at == err.npos) return 0;
    const char* const place = err.c_str() + at + strlen("error: ") + path.size();
    return sscanf(place, ":%zu:%zu: %n", &line, &column, &read) == 2 && read > 0 && column > 0 ? line : 0;
  }
  // Refused, with the place and nothing on stdout.
  void refused(const std::string& role, const Mutation& broken) const {
    const std::string path = write("broken.toml", broken.text);
    const Ended ended = check(role, path);
    EXPECT_EQ(ended.exit_code, 2) << role << ", " << broken.what << "\n" << broken.text;
    EXPECT_EQ(ended.out, "");
    const size_t line = place_in(ended.err, path);
    EXPECT_NE(line, 0u) << role << ", " << broken.what << "\n" << ended.err;
    if (broken.line != 0) {
      EXPECT_EQ(line, broken.line) << role << ", " << broken.what << "\n" << ended.err;
    }
  }
};

TEST_F(ConfigTool, TakesTheExamples) {
  for (const std::string role : kRoles) {
    const std::string path = source_path("deploy/" + std::string(role) + ".toml");
    const Ended ended = check(role, path);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    EXPECT_THAT(ended.out, StartsWith("ok " + path + ": "));
    const std::string printed = run({"smtrelay_" + role, "--print-config", "--config", path}).out;
    EXPECT_EQ(meaning(role, write("printed.toml", printed)), meaning(role, path))
        << "and what it prints of them";
  }
}

TEST_F(ConfigTool, RefusesEachMutationOfTheExamples) {
  std::mt19937 random(20260117);
  const bool all = Scale::get().scaled(0, 1) != 0;  // or a fifth of them
  size_t count = 0;
  for (const std::string role : kRoles) {
    for (const Mutation& broken : mutations(example_config(role), &random)) {
      if (!all && random() % 5 != 0) continue;
      refused(role, broken);
      ++count;
    }
  }
  EXPECT_GT(count, 100u);
  RecordProperty("mutations", static_cast<int>(count));
}

TEST_F(ConfigTool, RefusesFilesBrokenByHand) {
  EXPECT_GT(kBrokenConfigs.size(), 100u);
  for (const BrokenConfig& broken : kBrokenConfigs) {
    const std::string path = write("broken.toml", "version = 1\n" + broken.text);
    const Ended ended = run({std::string("smtrelay_") + broken.role, "--config", path});
    EXPECT_EQ(ended.exit_code, 2) << broken.text << ended.err;
    EXPECT_EQ(ended.out, "") << "it does not serve";
    EXPECT_THAT(ended.err, HasSubstr("error: " + path + ":" + broken.place + ": ")) << broken.text;
    EXPECT_THAT(ended.err, HasSubstr(broken.message)) << broken.text;
  }
}

// What strikes a comment changes nothing; anything else is refused or, as in a name, means something else.
TEST_F(ConfigTool, TakesChangesOfCommentsForWhatTheyAre) {
  std::mt19937 random(20260117);
  const std::string example = example_config("sub"), whole = meaning("sub", write("example.toml", example));
  for (int i = 0; i < 60; ++i) {
    const size_t at = random() % example.size(), begin = example.rfind('\n', at) + 1;
    const bool comment =
        example.substr(begin, at - begin).find('#') != std::string::npos && example[at] != '\n';
    std::string changed = example;
    switch (i % 3) {
      case 0:
        changed.erase(at, 1);
        break;
      case 1:
        changed.insert(at, 1, 'x');
        break;
      default:
        changed[at] = static_cast<char>(' ' + random() % 95);
    }
    const std::string path = write("changed.toml", changed);
    const Ended ended = check("sub", path);
    if (comment) {
      EXPECT_EQ(ended.exit_code, 0) << ended.err << changed;
      EXPECT_EQ(meaning("sub", path), whole) << changed;
    } else if (ended.exit_code != 0) {
      EXPECT_EQ(ended.exit_code, 2) << changed;
      EXPECT_NE(place_in(ended.err, path), 0u) << ended.err << changed;
    }
  }
}

TEST_F(ConfigTool, TellsAllErrorsAtOnce) {
  const std::string path = write("c.toml", "version = 1\nspin = 1\n[[send]]\nrate = 0\ntopc = \"a\"\n");
  const Ended ended = check("pub", path);
  EXPECT_EQ(ended.exit_code, 2);
  for (const char* place : {":2:8: spin", ":4:8: rate", ":5:1: unknown key \"topc\""}) {
    EXPECT_THAT(ended.err, HasSubstr(path + place));
  }
}

TEST_F(ConfigTool, RefusesWhatItCannotRead) {
  EXPECT_THAT(check("pub", root_).err, HasSubstr(root_ + ": is no regular file"));
  EXPECT_THAT(check("pub", root_ + "/no").err, HasSubstr("No such file"));
  const std::string large = write("large.toml", std::string(2 << 20, '#'));
  EXPECT_THAT(check("pub", large).err, HasSubstr(large + ":1:1: the file has more than 1048576 bytes"));
  const Ended ended = run_process({"smtrelay_pub"}, env({{"SMT_CONFIG", root_ + "/no"}}));
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("No such file"));
}

class Reload : public ConfigTool {
 protected:
  // A file like this, with `more` below.
  std::string config(const std::string& more, const std::string& top = "") const {
    return "version = 1\nname = \"robot\"\n" + top + "[[peer]]\nbind = \"ipc://" + root_ + "/link\"\n" + more;
  }
};

TEST_F(Reload, TakesAGoodFileAndKeepsTheRulesOfTheOldOneOverABrokenOne) {
  publish("x", "u8", "1");
  const std::string path = write("robot.toml", config("[[send]]\ntopic = \"x\"\n"));
  const Relay robot = start({"smtrelay_pub", "--domain", "robot", "--config", path});
  const std::string endpoint = robot.endpoint();
  const auto value = [&] { return client(endpoint, {"get", "x"}).exit_code; };
  EXPECT_EQ(value(), 0);

  write("robot.toml", config("[[send]]\ntopic = \"y\"\nrate = 0\n"));
  robot.process->send(SIGHUP);
  robot.process->wait_for_error(path + ":7:8: rate: 0 is out of range");
  robot.process->wait_for_error(path + " is not taken: everything stays as it was");
  EXPECT_EQ(value(), 0) << "it goes on serving";

  write("robot.toml", config("[[send]]\ntopic = \"y\"\n", "spin = true\n"));
  robot.process->send(SIGHUP);
  robot.process->wait_for_error(path + ":3:8: spin cannot change while the relay runs");
  EXPECT_EQ(value(), 0);

  write("robot.toml", config("[[send]]\ntopic = [\"x\", \"y\"]\nrate = 50\n"));
  robot.process->send(SIGHUP);
  robot.process->wait_for_error(path + " is taken");
  EXPECT_EQ(value(), 0);
  robot.process->send(SIGTERM);
  const Ended ended = robot.process->wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

TEST_F(Reload, WithoutAFileSighupEndsItAsSigtermDoes) {
  const Relay robot = pub();
  robot.process->send(SIGHUP);
  EXPECT_EQ(robot.process->wait().exit_code, 0);
}

TEST_F(ConfigTool, ServesBothDirectionsInOneProcess) {
  publish("x", "u8", "1");
  ASSERT_EQ(run({"smttopic", "pub", "--domain", "base", "order", "u8", "7"}).exit_code, 0);
  const std::string robot_file = write("robot.toml",
                                       "version = 1\nname = 'robot'\n"
                                       "[[peer]]\nbind = 'tcp://127.0.0.1:*'\n"
                                       "[[send]]\ntopic = 'x'\n[[receive]]\ntopic = 'order'\n");
  const Relay robot = start({"smtrelay_pub", "--domain", "robot", "--config", robot_file});
  const std::string base_file = write("base.toml",
                                      "version = 1\nname = 'base'\n[[send]]\ntopic = 'order'\n"
                                      "[[receive]]\ntopic = 'x'\nprefix = 'r1'\n");
  const Relay base =
      start({"smtrelay_sub", "--domain", "base", "--config", base_file, "--connect", robot.endpoint()});
  ASSERT_TRUE(eventually([&] { return held("base", "r1/x").has_value(); }));
  ASSERT_TRUE(eventually([&] { return held("robot", "order").has_value(); }));
  EXPECT_EQ(held("robot", "order")->bytes, std::vector<std::byte>{std::byte{7}});
}

TEST_F(ConfigTool, ConfiguresTheClient) {
  publish("x", "u8", "1");
  const Relay robot = pub();
  const std::string path = write(
      "client.toml", "version = 1\nformat = \"json\"\n[[peer]]\nconnect = \"" + robot.endpoint() + "\"\n");
  const Ended ended = run({"smtrelay_client", "--config", path, "get", "x"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("["));
  EXPECT_EQ(run_process({"smtrelay_client", "get", "x"}, env({{"SMT_CONFIG", path}})).out.substr(0, 1), "[");
}

}  // namespace
}  // namespace smt::tools
