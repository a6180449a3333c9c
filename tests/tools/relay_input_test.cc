// Bad input to the relay's tools: a sentence and the right exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/row.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Args = std::vector<std::string>;

struct RelayRow {
  const char* name;  // of the test, too
  Args args;
  int exit_code;
  const char* message;
};

constexpr const char* kHere = "tcp://127.0.0.1:1";

const RelayRow kRelayTable[] = {
    {"no endpoint, pub", {"smtrelay_pub"}, 2, "no endpoint; give --bind or --connect"},
    {"no endpoint, sub", {"smtrelay_sub"}, 2, "no endpoint"},
    {"no endpoint, proxy", {"smtrelay_proxy"}, 2, "no endpoint"},
    {"no endpoint, client", {"smtrelay_client", "get", "x"}, 2, "no endpoint; give --connect"},
    {"udp", {"smtrelay_pub", "--bind", "udp://127.0.0.1:7000"}, 2, "'udp://127.0.0.1:7000'"},
    {"pgm", {"smtrelay_sub", "--connect", "pgm://127.0.0.1:7000"}, 2, "tcp://, ipc:// or inproc://"},
    {"no transport", {"smtrelay_proxy", "--bind", "127.0.0.1:7000"}, 2, "'127.0.0.1:7000'"},
    {"no port", {"smtrelay_pub", "--bind", "tcp://127.0.0.1"}, 2, "HOST:PORT"},
    {"port zero", {"smtrelay_pub", "--bind", "tcp://127.0.0.1:0"}, 2, "port '0'"},
    {"port too large", {"smtrelay_pub", "--bind", "tcp://127.0.0.1:65536"}, 2, "port '65536'"},
    {"port of letters", {"smtrelay_client", "--connect", "tcp://127.0.0.1:http", "list"}, 2, "port 'http'"},
    {"dialling any port", {"smtrelay_sub", "--connect", "tcp://127.0.0.1:*"}, 2, "a free port is for --bind"},
    {"dialling any host", {"smtrelay_sub", "--connect", "tcp://*:7000"}, 2, "name the host"},
    {"host of signs", {"smtrelay_sub", "--connect", "tcp://a b:7000"}, 2, "'a b' is no host"},
    {"ipc without a path", {"smtrelay_sub", "--connect", "ipc://"}, 2, "ipc://"},
    {"ipc with a long path", {"smtrelay_pub", "--bind", "ipc:///" + std::string(200, 'a')}, 2, "ipc://"},
    {"one of two endpoints", {"smtrelay_pub", "--bind", kHere, "--connect", "tcp://"}, 2, "'tcp://'"},
    {"empty relay name", {"smtrelay_pub", "--bind", kHere, "--name", ""}, 2, "relay name ''"},
    {"relay name with a slash", {"smtrelay_sub", "--connect", kHere, "--name", "a/b"}, 2, "relay name 'a/b'"},
    {"relay name too long",
     {"smtrelay_proxy", "--bind", kHere, "--name", std::string(53, 'a')},
     2,
     "longer than 52 bytes"},
    {"bad pattern, topic",
     {"smtrelay_pub", "--bind", kHere, "--topic", "a//b"},
     2,
     "pattern \"a//b\": empty segment"},
    {"bad pattern, exclude", {"smtrelay_sub", "--connect", kHere, "--exclude", "a**"}, 2, "whole segments"},
    {"bad pattern, cache", {"smtrelay_proxy", "--bind", kHere, "--cache", "re:["}, 2, "missing ]"},
    {"bad pattern, get", {"smtrelay_client", "--connect", kHere, "get", "re:["}, 2, "missing ]"},
    {"bad pattern, list", {"smtrelay_client", "--connect", kHere, "list", "a//b"}, 2, "empty segment"},
    {"bad pattern, watch", {"smtrelay_client", "--connect", kHere, "watch", ""}, 2, "pattern \"\""},
    {"bad impairment", {"smtrelay_sub", "--connect", kHere, "--impair", "loss=2"}, 2, "\"loss=2\": write 0%"},
    {"bad prefix", {"smtrelay_sub", "--connect", kHere, "--prefix", "a//b"}, 2, "topic name 'a//b'"},
    {"bad maximum age", {"smtrelay_sub", "--connect", kHere, "--max-age", "5x"}, 2, "\"5x\" is no duration"},
    {"bad segment size", {"smtrelay_sub", "--connect", kHere, "--segment-size", "64Q"}, 2, "--segment-size"},
    {"bad topic to explain", {"smtrelay_pub", "--explain", "a/*"}, 2, "'*' is for patterns only"},
    {"prefix of another tool", {"smtrelay_pub", "--bind", kHere, "--prefix", "a"}, 2, "--prefix"},
    {"domain of a proxy", {"smtrelay_proxy", "--bind", kHere, "--domain", "d"}, 2, "--domain"},
    {"bad domain", {"smtrelay_pub", "--bind", kHere, "--domain", "../x"}, 2, "domain name '../x'"},
    {"unknown flag", {"smtrelay_pub", "--bind", kHere, "--bad"}, 2, "--bad"},
    {"no command", {"smtrelay_client", "--connect", kHere}, 2, "which command? get, list, set, watch or why"},
    {"unknown command", {"smtrelay_client", "--connect", kHere, "fetch"}, 2, "fetch"},
    {"get of nothing", {"smtrelay_client", "--connect", kHere, "get"}, 2, "PATTERN is required"},
    {"bad timeout", {"smtrelay_client", "--connect", kHere, "list", "--timeout=-1s"}, 2, "no duration"},
    {"bad count", {"smtrelay_client", "--connect", kHere, "watch", "x", "-n", "0"}, 2, "--count"},
    {"bad format", {"smtrelay_client", "--connect", kHere, "list", "-f", "xml"}, 2, "xml"},
    {"folder for a socket",
     {"smtrelay_pub", "--bind", "ipc:///no/such/folder/socket"},
     1,
     "/no/such/folder/socket"},
};

void PrintTo(const RelayRow& row, std::ostream* out) { *out << row.name; }

class BadRelayInput : public RelayTest, public testing::WithParamInterface<RelayRow> {};

TEST_P(BadRelayInput, IsTold) {
  const RelayRow& row = GetParam();
  const Ended ended = run(row.args);
  EXPECT_EQ(ended.exit_code, row.exit_code) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(row.message));
  EXPECT_THAT(ended.err, StartsWith(row.args[0] + ": ")) << "the tool tells who it is";
  EXPECT_EQ(ended.out, "");
}

INSTANTIATE_TEST_SUITE_P(Table, BadRelayInput, testing::ValuesIn(kRelayTable), [](const auto& row) {
  std::string name = row.param.name;
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST_F(RelayTest, RefusesAPortThatIsTaken) {
  const Relay first = pub();
  for (const Args& args : {Args{"smtrelay_pub", "--name", "other"}, Args{"smtrelay_proxy"}}) {
    Args second = args;
    second.insert(second.end(), {"--bind", first.endpoint()});
    const Ended ended = run(second);
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.err, HasSubstr(first.endpoint()));
    EXPECT_EQ(ended.out, "") << "it did not serve";
  }
  EXPECT_EQ(client(first.endpoint(), {"list"}).exit_code, 0) << "the first one goes on";
}

TEST_F(RelayTest, RefusesASecondMirrorOfTheSameName) {
  const Relay robot = pub();
  const Relay first = sub(robot.endpoint());
  const Ended second =
      run({"smtrelay_sub", "--domain", "base", "--name", "base", "--connect", robot.endpoint()});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("pid " + std::to_string(first.process->pid())));
  const Relay other = start(
      {"smtrelay_sub", "--domain", "base", "--name", "b2", "--prefix", "p", "--connect", robot.endpoint()});
  print_row(Row{.id = "R12", .what = "a second relay for one mirror", .n = 1, .violations = HasFailure()});
}

TEST_F(RelayTest, WithoutKeysNoOtherMachineIsReachedUnlessItIsToldSo) {
  const std::string peer = "version = 1\n[[peer]]\nbind = 'tcp://*:7000'\n";
  const Args kCases[] = {
      {"smtrelay_pub", "--bind", "tcp://*:7000"},
      {"smtrelay_pub", "--bind", "tcp://0.0.0.0:*"},
      {"smtrelay_pub", "--bind", "tcp://[::]:*"},
      {"smtrelay_pub", "--config", write("pub.toml", peer)},
      {"smtrelay_pub", "--bind", kHere, "--connect", "tcp://192.0.2.1:7000"},
      {"smtrelay_sub", "--connect", "tcp://192.0.2.1:7000"},
      {"smtrelay_sub", "--bind", "tcp://192.0.2.1:7000"},
      {"smtrelay_proxy", "--bind", "tcp://127.0.0.1:*", "--bind", "tcp://lo:7000"},
      {"smtrelay_proxy", "--bind", "tcp://128.0.0.1:7000"},
      {"smtrelay_client", "--connect", "tcp://robot.example:7000", "list"},
      {"smtrelay_client", "--connect", "tcp://127.0.0.1.example:7000", "list"},
  };
  uint64_t wrong = 0;
  for (const Args& args : kCases) {
    const Ended ended = run(args);
    const bool refused = ended.exit_code == 2 && ended.out.empty() &&
                         ended.err.find("reaches other machines") != std::string::npos &&
                         ended.err.find("--insecure") != std::string::npos;
    EXPECT_TRUE(refused) << args[0] << " " << args.back() << ": " << ended.exit_code << ended.err;
    wrong += !refused;
  }
  print_row(Row{.id = "S4",
                .what = "other machines without keys or --insecure",
                .n = std::size(kCases),
                .violations = wrong});
}

TEST_F(RelayTest, AllowsOtherMachinesWhenToldSo) {
  const Relay robot = start({"smtrelay_pub", "--bind", "tcp://0.0.0.0:*", "--insecure", "--name", "r"});
  EXPECT_THAT(robot.endpoint(), StartsWith("tcp://0.0.0.0:"));
}

}  // namespace
}  // namespace smt::tools
